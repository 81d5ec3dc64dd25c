"""Checks over the catalogue of kinds and the models: what may be kept at all, and under which name."""

import re
from collections.abc import Iterable, Iterator

from django.db import models

from schoolpassport.roster.kinds import Kind, Privacy

_FORBIDDEN = re.compile(r"passw(or)?d|passphrase|pwd", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_WORD = re.compile(r"[A-Za-z]+")


def unclassified(kinds: Iterable[Kind]) -> Iterator[str]:
    for kind in kinds:
        for field in kind.fields:
            if not isinstance(field.privacy, Privacy):
                yield f"{kind.name}.{field.name} has no privacy class"


def kept_secrets(kinds: Iterable[Kind]) -> Iterator[str]:
    """SECRET means never stored and never served: such a field has no column anywhere."""
    for kind in kinds:
        for field in kind.fields:
            if field.privacy is Privacy.SECRET:
                where = "in a view" if field.in_view else "stored"
                yield f"{kind.name}.{field.name} is secret, and would be {where}"


def passwords(names: Iterable[str]) -> Iterator[str]:
    yield from (f"{name} would hold a password" for name in names if _FORBIDDEN.search(name))


def names_of_kinds(kinds: Iterable[Kind]) -> Iterator[str]:
    yield from (f"{kind.name}.{field.name}" for kind in kinds for field in kind.fields)


def names_of_models(found: Iterable[type[models.Model]]) -> Iterator[str]:
    yield from (f"{model.__name__}.{field.name}" for model in found for field in model._meta.get_fields())


def unfit_for_sql(kinds: Iterable[Kind]) -> Iterator[str]:
    """Names of tables and columns are written into SQL as they are, so they must be plain."""
    for kind in kinds:
        for name in (kind.table, *kind.columns):
            if not _IDENTIFIER.fullmatch(name):
                yield f"{kind.name}: {name!r} is no plain name"
        yield from (f"{word!r} is no plain word" for word in (kind.name, kind.plural) if not _WORD.fullmatch(word))
