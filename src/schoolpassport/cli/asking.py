"""Who is asking, and about which district."""

import getpass
from uuid import UUID

import click

from schoolpassport.partners import queries as partners
from schoolpassport.tenancy import queries


def me() -> str:
    """Who acts, for the ledger."""
    return f"cli:{getpass.getuser()}"


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
