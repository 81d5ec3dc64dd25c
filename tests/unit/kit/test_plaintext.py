"""Text of unknown encoding is read as what it surely is, or not at all."""

import pytest

from schoolpassport.kit.plaintext import NoText, as_utf8, is_web_page

TEXT = "Schüler;Zoë;Łukasz\nx;y;z\n"
PAGE = "<html><body><table><tr><td>Pupil No</td></tr></table></body></html>"
LATIN = "Schüler;Zoë;Jörg – “ja”\n"


def read(tmp_path, content, encoding=""):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    found = as_utf8(path, into=tmp_path / "copy", encoding=encoding)
    return found.path.read_bytes().decode(), found.encoding, found.guessed


@pytest.mark.parametrize(
    ("content", "text", "encoding", "guessed"),
    [
        (TEXT.encode(), TEXT, "utf-8", False),
        (TEXT.encode("utf-8-sig"), TEXT, "utf-8", False),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), TEXT, "utf-16-le", False),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT, "utf-16-be", False),
        (LATIN.encode("cp1252"), LATIN, "windows-1252", True),
        (b"", "", "utf-8", False),
        (b"a\rb\r", "a\nb\n", "utf-8", False),
        (b"a\r\nb\r\n", "a\r\nb\r\n", "utf-8", False),
    ],
)
def test_text_is_told_by_its_mark_and_its_bytes(tmp_path, content, text, encoding, guessed):
    assert read(tmp_path, content) == (text, encoding, guessed)


def test_what_somebody_knows_is_not_guessed(tmp_path):
    assert read(tmp_path, LATIN.encode("cp1252"), "windows-1252") == (LATIN, "windows-1252", False)
    assert read(tmp_path, "é".encode("utf-16-le"), "utf-16-le") == ("é", "utf-16-le", False)


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"a\x00b", "", "holds binary data"),
        (TEXT.encode("utf-16-le"), "", "holds binary data"),
        (b"ab\x81c\xe4", "", "neither UTF-8 nor Windows-1252"),
        ("Müller;Jörg;Zoë\n".encode() + b"\xe4", "", "is UTF-8 in most places and broken in others"),
        (b"\xe4", "utf-8", "is no text in utf-8"),
        (b"\xff\xfea\x00", "utf-8", "begins with the mark of utf-16-le"),
        (PAGE.encode(), "", "is a web page"),
        (PAGE.upper().encode("utf-16"), "", "is a web page"),
        (b'<?xml version="1.0"?>\n<!-- made by a SIS -->' + PAGE.encode(), "", "is a web page"),
        (b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n", "", "is a web page"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, encoding, says):
    with pytest.raises(NoText, match=says):
        read(tmp_path, content, encoding)


def test_a_file_of_nothing_but_comments_is_no_web_page_and_is_soon_told_so():
    """An expression that tries all ways to read them would try for ever: two to the power of how many there are."""
    assert not is_web_page(b"<!-- a -->\n" * 370)
    assert is_web_page(b"<!-- a -->\n" * 300 + b"<html>")
