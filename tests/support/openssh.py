"""The SFTP server that most schools run, and its client: started here if they are on this machine."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from schoolpassport.kit.sftp import Login
from tests.support import lookup


def program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
    if found is None:
        pytest.skip(f"there is no {name} on this machine (Debian: apt install {package})")
    return found


@contextmanager
def serving(folder: Path, root: Path) -> Iterator[Login]:
    """OpenSSH, as Debian has it, on a port of this machine, for one key; users arrive in ``root``."""
    sshd = program("sshd", "openssh-server")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        Path("/run/sshd").mkdir(mode=0o755)
    folder.chmod(0o755)
    host, mine = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    (folder / "host").write_bytes(host.export_private_key())
    (folder / "host").chmod(0o600)
    (folder / "authorized").write_bytes(mine.export_public_key())
    with lookup.free_port() as port:
        pass
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nSubsystem sftp internal-sftp -d {root}\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nLogLevel ERROR\nMaxStartups 100\n"
    )
    process = subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE)
    try:
        lookup.wait_for(port)
        yield Login(
            host="127.0.0.1",
            port=port,
            user=pwd.getpwuid(os.geteuid()).pw_name,
            key=mine.export_private_key().decode(),
            fingerprints=frozenset({host.get_fingerprint("sha256")}),
        )
    finally:
        process.terminate()
        process.communicate(timeout=5)
