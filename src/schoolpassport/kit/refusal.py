"""Why a package is not read: a code for programs and a sentence for people."""

from enum import StrEnum


class Code(StrEnum):
    MISSING = "missing"
    NOT_A_PACKAGE = "not_a_package"
    EMPTY = "empty"
    DAMAGED = "damaged"
    BAD_CRC = "bad_crc"
    CHANGED = "changed_while_reading"
    TOO_MANY_MEMBERS = "too_many_members"
    TOO_LARGE = "too_large"
    RATIO = "compressed_too_well"
    OVERLAP = "overlapping_members"
    NESTED = "nested_archive"
    UNSAFE_NAME = "unsafe_name"
    SPECIAL_FILE = "special_file"
    ENCRYPTED = "encrypted"
    UNSUPPORTED = "unsupported_compression"
    DUPLICATE = "duplicate_name"
    CASE_CLASH = "names_differ_only_in_case"
    IN_FOLDER = "not_at_the_root"


class PackageRefused(Exception):
    """A package that is not read, because reading it would be unsafe or would not give what was sent.

    `sentence` says what is wrong, where, and what to do. Names from the package are in it escaped.
    """

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
