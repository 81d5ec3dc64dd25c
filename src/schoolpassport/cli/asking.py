"""Who is asking, about which district, and what the files say that are handed over."""

import getpass
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from typing_extensions import override

from schoolpassport.partners import queries as partners
from schoolpassport.partners.records import UnknownPartner
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources import queries as sources
from schoolpassport.sync import queries as schools
from schoolpassport.tenancy import queries, scope


class _Kind(click.Choice[str]):
    """A kind by its name, or by the word for several of it."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(next((k.name for k in KINDS.values() if value == k.plural), value), param, ctx)


KIND: Final = _Kind(list(KINDS))
NUMBER: Final = click.IntRange(1, 2**31 - 1)  # of a run, a proposal, a version
AT_MOST: Final = click.IntRange(1, 1_000_000)


def me() -> str:
    """Who acts, for the ledger."""
    return f"cli:{getpass.getuser()}"


def text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name} is no text in UTF-8. Save it as such.") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error


def json_of(file: Path) -> Any:  # noqa: ANN401 (JSON; the room that owns the subject parses it)
    try:
        return json.loads(text_of(file))
    except (ValueError, RecursionError) as wrong:
        raise click.ClickException(f"{file.name} is no JSON: {wrong}. Correct it there.") from wrong


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """What keeps a file from being written becomes a sentence."""
    try:
        yield
    except FileExistsError as there:
        raise click.ClickException(f"{file} is there already; give another name.") from there
    except OSError as error:
        raise click.ClickException(f"{str(file)[:200]} cannot be written: {error.strerror}.") from error


def district_id(name: str | None) -> UUID:
    """The district that was named, or the only one there is."""
    if name is not None:
        try:
            return queries.district(name).id
        except queries.UnknownDistrict as unknown:
            raise click.ClickException(str(unknown)) from unknown
    every = queries.districts()
    if len(every) != 1:
        what = "There are several districts; say which" if every else "There is no district yet; make one"
        raise click.ClickException(f"{what}: --district NAME, see `schoolpassport district`.")
    return every[0].id


def organisation_id(district: str | None, partner: str | None) -> UUID:
    """The partner that was named, or else the district: whose notices are asked about."""
    if partner is None:
        return district_id(district)
    if district is not None:
        raise click.UsageError("Name a --district or a --partner, not both.")
    try:
        return partners.partner(name=partner).id
    except UnknownPartner as unknown:
        raise click.ClickException(str(unknown)) from unknown


def known_source(district_id: UUID, name: str) -> UUID:
    """The source of the district that was named."""
    try:
        with scope.inside(district_id):
            return sources.source(district_id=district_id, id_or_name=name).id
    except sources.UnknownSource as unknown:
        raise click.ClickException(str(unknown)) from unknown


def source_id_of(district_id: UUID, name: str | None) -> UUID | None:
    """The same, if one was named."""
    return None if name is None else known_source(district_id, name)


def school_ids(district_id: UUID, names: tuple[str, ...]) -> tuple[UUID, ...]:
    """Schools of the district, by name or GG4L ID."""
    with scope.inside(district_id):
        there = schools.school_names(district_id=district_id)
    return tuple(_school(there, name) for name in names)


def _school(there: Mapping[UUID, str], name: str) -> UUID:
    known = [id_ for id_, called in there.items() if name.strip().casefold() in {called.strip().casefold(), str(id_)}]
    if len(known) == 1:
        return known[0]
    if known:
        ids = ", ".join(str(id_) for id_ in sorted(known))
        raise click.ClickException(f"Several schools are called “{name}”; name one by its GG4L ID: {ids}.")
    every = ", ".join(f"“{called}”" for called in sorted(there.values())) or "none"
    raise click.ClickException(f"There is no school “{name}”. There are: {every}.")


def integration_id(district_id: UUID, application: str) -> UUID:
    """The integration of an application in a district, by the application's name."""
    names = partners.names_of_integrations(district_id=district_id)
    for id_, name in names.items():
        if name == application:
            return id_
    there = ", ".join(names.values()) or "none"
    raise click.ClickException(
        f"“{application}” is not integrated here; there are: {there}. Agree on a consent: `schoolpassport consent`."
    )
