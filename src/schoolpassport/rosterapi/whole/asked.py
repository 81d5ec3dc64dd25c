"""What a request about the whole of a view says, and how one is refused."""

import json
import re
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from schoolpassport.rosterapi import errors
from schoolpassport.rosterapi.errors import Answer, Minor
from schoolpassport.rosterapi.visits import Environ, Trouble

PREFIX: Final = "/datahub/services/view"
DOCUMENTS: Final = "/ims/oneroster/v1p1"  # under which the references in documents lead on
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def query_of(environ: Environ) -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=100))


def number(sent: dict[str, str], name: str, default: int) -> int:
    text = sent.get(name, str(default))
    if not _NUMBER.fullmatch(text):
        raise Trouble(HTTPStatus.BAD_REQUEST, f"{name} is a whole number, 0 or greater.")
    return int(text)


def revision(sent: dict[str, str]) -> int | None:
    return number(sent, "revision", 0) if "revision" in sent else None


def as_asked(asked: int | None, read: int) -> None:
    """Raises ``Trouble`` when another revision was read than the one that was asked for."""
    if asked is not None and read != asked:
        sentence = f"Revision {asked} cannot be read (any more); begin again without a revision."
        raise Trouble(HTTPStatus.BAD_REQUEST, sentence)


def refused(status: HTTPStatus, sentence: str, minor: Minor | None) -> Answer:  # noqa: ARG001 (the status says it here)
    return errors.answer(json.dumps({"error": sentence}).encode(), status=status)
