"""A real slapd on this machine, with certificates of our own and invented people."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import lookup
from tests.support.certificates import Authority

BASE, ADMIN, PASSWORD = "dc=school,dc=example", "cn=admin,dc=school,dc=example", "Slap-71c9d2e4"


@dataclass(frozen=True)
class Slapd:
    port: int
    ldaps: int


def people(count: int) -> str:
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: School\ndc: school\n",
        *(
            f"dn: uid=p{n},{BASE}\nobjectClass: inetOrgPerson\nuid: p{n}\ncn: Given{n} Family{n}\nsn: Family{n}\n"
            f"givenName: Given{n}\nmail: p{n}@school.example\nemployeeNumber: {n}\n"
            for n in range(count)
        ),
        f"dn: cn=all,{BASE}\nobjectClass: groupOfNames\ncn: all\n"
        + "".join(f"member: uid=p{n},{BASE}\n" for n in range(count)),
    ]
    return "\n".join(entries)


@contextmanager
def running(
    folder: Path, authority: Authority, *, host: str = "localhost", count: int = 1200, more: str = "", entries: str = ""
) -> Iterator[Slapd]:
    search = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/lib/openldap"
    slapd, slapadd = (shutil.which(name, path=search) for name in ("slapd", "slapadd"))
    if not slapd or not slapadd or not Path("/etc/ldap/schema/core.schema").exists():
        pytest.skip("there is no slapd on this machine (Debian: apt install slapd)")
    cert, key = authority.server(folder, host)
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "db").mkdir()
    config = folder / "slapd.conf"
    config.write_text(
        "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson", "nis"))
        + f"modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {folder}/pid\n"
        + f"TLSCACertificateFile {folder}/ca.pem\nTLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n{more}"
        + f'database mdb\nsuffix "{BASE}"\nrootdn "{ADMIN}"\nrootpw {PASSWORD}\ndirectory {folder}/db\nmaxsize 104857600\n'
    )
    (folder / "people.ldif").write_text(f"{people(count)}\n{entries}")
    subprocess.run([slapadd, "-q", "-f", config, "-l", folder / "people.ldif"], check=True, capture_output=True)
    with lookup.free_port() as plain, lookup.free_port() as tls:
        pass
    process = subprocess.Popen(
        [slapd, "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        lookup.wait_for(plain)
        yield Slapd(plain, tls)
    finally:
        process.terminate()
        process.wait(10)
