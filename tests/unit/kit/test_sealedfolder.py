"""A folder comes back as it was, or not at all."""

import os
from pathlib import Path

import pytest

from schoolpassport.kit import sealedfolder
from schoolpassport.kit.sealedfolder import KEY_BYTES, Unopened

KEY = bytes(range(KEY_BYTES))


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "package"
    made.mkdir()
    (made / "users.csv").write_text("sourcedId,givenName\n1,Rosalind\n" * 100, encoding="utf-8")
    (made / "nothing.csv").write_bytes(b"")
    (made / "größe.csv").write_bytes(os.urandom(3_500_000))
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def sealed(folder, tmp_path) -> Path:
    into = tmp_path / "package.sealed"
    assert sealedfolder.seal(folder, into, KEY) == into.stat().st_size
    return into


def test_a_folder_comes_back_as_it_was(folder, sealed, tmp_path):
    sealedfolder.open_(sealed, tmp_path / "back", KEY)
    assert content(tmp_path / "back") == content(folder)


def test_nothing_of_it_can_be_read_without_the_key_and_nobody_else_may_read_it(sealed, tmp_path):
    assert b"Rosalind" not in sealed.read_bytes()
    assert sealed.stat().st_mode & 0o077 == 0
    with pytest.raises(Unopened):
        sealedfolder.open_(sealed, tmp_path / "back", bytes(KEY_BYTES))
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("damage", ["cut in the middle", "cut at a chunk", "changed", "chunks swapped", "longer"])
def test_what_was_damaged_does_not_open_and_leaves_nothing(sealed, tmp_path, damage):
    whole, size = sealed.read_bytes(), (1 << 20) + 16 + 4
    first, second = whole[4 : 4 + size], whole[4 + size : 4 + 2 * size]
    damaged = {
        "cut in the middle": whole[: len(whole) // 2],
        "cut at a chunk": whole[: 4 + 2 * size],
        "changed": whole[:100_000] + bytes([whole[100_000] ^ 1]) + whole[100_001:],
        "chunks swapped": whole[:4] + second + first + whole[4 + 2 * size :],
        "longer": whole + b"\0\0\0\1x",
    }
    sealed.write_bytes(damaged[damage])
    with pytest.raises(Unopened):
        sealedfolder.open_(sealed, tmp_path / "back", KEY)
    assert not (tmp_path / "back").exists()


def test_a_small_file_that_unpacks_to_much_is_written_block_by_block(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "zeros.csv").write_bytes(bytes(40_000_000))
    sealedfolder.seal(folder, tmp_path / "sealed", KEY)
    sealedfolder.open_(tmp_path / "sealed", tmp_path / "back", KEY)
    assert content(tmp_path / "back") == content(folder)
