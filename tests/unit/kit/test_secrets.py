import base64
import hashlib
import os
import stat
import subprocess
import sys
from itertools import permutations
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schoolpassport.kit.secrets import KeyFileRefused, SealBroken, Vault, new_secret, token_digest

OAK, ELM = UUID(int=1), UUID(int=2)
ROW, OTHER_ROW = UUID(int=11), UUID(int=12)
PLAIN = b"client secret of an invented app"


def fresh_key() -> bytes:
    return os.urandom(32)


@pytest.fixture
def vault() -> Vault:
    return Vault([fresh_key()])


def test_what_is_sealed_opens_in_its_place(vault):
    for plaintext in (b"", PLAIN, os.urandom(70_000)):
        sealed = vault.seal(plaintext, tenant=OAK, column="credential.secret", row=ROW)
        assert vault.open(sealed, tenant=OAK, column="credential.secret", row=ROW) == plaintext
        assert len(sealed) == len(plaintext) + 1 + 4 + 12 + 16
        assert not plaintext or plaintext not in sealed


def test_the_same_secret_never_looks_the_same(vault):
    seals = {vault.seal(PLAIN, tenant=OAK, column="c", row=ROW) for _ in range(100)}
    assert len(seals) == 100


def test_a_seal_moved_to_any_other_place_stays_shut(vault):
    places = [(t, c, r) for t in (OAK, ELM) for c in ("a", "b", "ab") for r in (ROW, OTHER_ROW)]
    for (tenant, column, row), (tenant2, column2, row2) in permutations(places, 2):
        sealed = vault.seal(PLAIN, tenant=tenant, column=column, row=row)
        with pytest.raises(SealBroken):
            vault.open(sealed, tenant=tenant2, column=column2, row=row2)


def test_changing_or_cutting_any_byte_breaks_the_seal(vault):
    sealed = vault.seal(PLAIN, tenant=OAK, column="c", row=ROW)
    damaged = [
        sealed[:at] + bytes([sealed[at] ^ bit]) + sealed[at + 1 :] for at in range(len(sealed)) for bit in (1, 128)
    ]
    damaged += [sealed[:at] for at in range(len(sealed))] + [sealed[1:], sealed + b"\0"]
    for each in damaged:
        with pytest.raises(SealBroken) as caught:
            vault.open(each, tenant=OAK, column="c", row=ROW)
        assert PLAIN.decode() not in str(caught.value)


def test_what_was_sealed_by_an_earlier_release_still_opens():
    """Sealed once, kept here: if this fails, stored secrets of every installation have become unreadable."""
    sealed = bytes.fromhex(
        "01f3d70d5401398e4a632416613b05f39aa874d0b2b4e55224dfdc1062be49276678393d1f9e4bcc2accd74d65801b480fe1450fed37f6803da0eb29060454d82e"
    )
    vault = Vault([bytes(range(32))])
    assert vault.open(sealed, tenant=OAK, column="credential.secret", row=ROW) == PLAIN


def test_tenant_and_column_are_in_the_key_and_the_whole_place_in_the_associated_data():
    key = bytes(range(32))
    sealed = Vault([key]).seal(PLAIN, tenant=OAK, column="c", row=ROW)
    info = b"schoolpassport vault 1\0" + OAK.bytes + b"c"
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
    place = sealed[:5] + OAK.bytes + ROW.bytes + b"c"
    assert sealed[:5] == b"\x01" + hashlib.sha256(b"schoolpassport vault key id\0" + key).digest()[:4]
    assert AESGCM(derived).decrypt(sealed[5:17], sealed[17:], place) == PLAIN


def test_after_a_rotation_the_newest_seals_and_all_open():
    old, new = fresh_key(), fresh_key()
    before, overlap, after = Vault([old]), Vault([new, old]), Vault([new])
    sealed_before = before.seal(PLAIN, tenant=OAK, column="c", row=ROW)
    sealed_after = overlap.seal(PLAIN, tenant=OAK, column="c", row=ROW)
    place = {"tenant": OAK, "column": "c", "row": ROW}
    assert [overlap.open(each, **place) for each in (sealed_before, sealed_after)] == [PLAIN, PLAIN]
    assert [overlap.is_current(each) for each in (sealed_before, sealed_after)] == [False, True]
    assert after.open(sealed_after, **place) == PLAIN
    with pytest.raises(SealBroken, match="which this key file does not hold"):
        after.open(sealed_before, **place)


def test_a_vault_does_not_show_its_keys():
    key = fresh_key()
    shown = f"{Vault([key])!r} {Vault([key])}"
    for spelling in (key.hex(), base64.b64encode(key).decode(), repr(key)):
        assert spelling not in shown


@pytest.mark.parametrize(
    "keys",
    [[], [b""], [b"short"], [bytes(32)], [b"ab" * 16], [b"password" * 4], [bytes(range(31))], [bytes(range(33))]],
)
def test_short_and_weak_keys_are_refused(keys):
    with pytest.raises(ValueError, match="master key"):
        Vault(keys)


def test_a_key_cannot_be_there_twice():
    key = fresh_key()
    with pytest.raises(ValueError, match="only once"):
        Vault([key, key])


def test_a_missing_key_file_is_made_closed_and_found_again(tmp_path):
    path = tmp_path / "master.keys"
    old_umask = os.umask(0)
    try:
        first = Vault.from_file(path)
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["master.keys"]
    sealed = first.seal(PLAIN, tenant=OAK, column="c", row=ROW)
    assert Vault.from_file(path).open(sealed, tenant=OAK, column="c", row=ROW) == PLAIN


def test_rotating_the_file_keeps_the_old_keys_behind_the_new(tmp_path):
    path = tmp_path / "master.keys"
    before = Vault.from_file(path)
    sealed = before.seal(PLAIN, tenant=OAK, column="c", row=ROW)
    rotated = Vault.rotate(path)
    assert rotated.open(sealed, tenant=OAK, column="c", row=ROW) == PLAIN
    assert not rotated.is_current(sealed)
    assert Vault.from_file(path).is_current(rotated.seal(PLAIN, tenant=OAK, column="c", row=ROW))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_older_keys_are_forgotten_and_a_newer_one_that_came_meanwhile_stays(tmp_path):
    path = tmp_path / "master.keys"
    Vault.from_file(path)
    mine = Vault.rotate(path)
    newest = Vault.rotate(path)
    assert mine.forget_older(path) == 1
    assert mine.forget_older(path) == 0
    left = Vault.from_file(path)
    sealed = [vault.seal(PLAIN, tenant=OAK, column="c", row=ROW) for vault in (mine, newest)]
    assert [left.open(each, tenant=OAK, column="c", row=ROW) for each in sealed] == [PLAIN, PLAIN]
    assert left.is_current(sealed[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o610])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "master.keys"
    Vault.from_file(path)
    path.chmod(mode)
    for use in (Vault.from_file, Vault.rotate):
        with pytest.raises(KeyFileRefused, match="chmod 600"):
            use(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# only a comment\n",
        "hello\n",
        "ü\n",
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"x" * 16).decode(),
    ],
)
def test_a_damaged_or_weak_key_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "master.keys"
    path.write_text(content)
    path.chmod(0o600)
    for use in (Vault.from_file, Vault.rotate):
        with pytest.raises(KeyFileRefused, match=r"damaged or holds a weak key"):
            use(path)
    assert path.read_text() == content


def test_a_key_file_that_is_no_file_is_refused(tmp_path):
    directory, fifo, dangling = tmp_path / "directory", tmp_path / "fifo", tmp_path / "dangling"
    directory.mkdir()
    os.mkfifo(fifo, 0o600)
    dangling.symlink_to(tmp_path / "nowhere")
    for path in (directory, fifo, dangling, tmp_path / "missing" / "master.keys"):
        with pytest.raises(KeyFileRefused):
            Vault.from_file(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_account_is_refused(tmp_path):
    path = tmp_path / "master.keys"
    Vault.from_file(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(KeyFileRefused, match="not a file of this account's"):
        Vault.from_file(path)


def test_processes_that_begin_together_agree_on_one_key(tmp_path):
    program = (
        "import sys; from pathlib import Path; from uuid import UUID; from schoolpassport.kit.secrets import Vault;"
        "sealed = Vault.from_file(Path(sys.argv[1])).seal(b'x', tenant=UUID(int=1), column='c', row=UUID(int=11));"
        "print(sealed.hex())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, str(tmp_path / "master.keys")]
    racing = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sealed = [bytes.fromhex(each.communicate()[0]) for each in racing]
    agreed = Vault.from_file(tmp_path / "master.keys")
    assert [agreed.open(each, tenant=OAK, column="c", row=ROW) for each in sealed] == [b"x"] * 4


def test_new_secrets_are_long_prefixed_and_never_the_same():
    drawn = {new_secret("spt_") for _ in range(1000)}
    assert len(drawn) == 1000
    assert {(each[:4], len(each)) for each in drawn} == {("spt_", 4 + 43)}
    assert len(new_secret("", nbytes=16)) == 22


def test_a_token_digest_is_its_sha256():
    assert token_digest("spt_abc") == hashlib.sha256(b"spt_abc").digest()
    assert len(token_digest("\udcff ü")) == 32
