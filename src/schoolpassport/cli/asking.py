"""Who is asking, and about which district."""

import getpass
from uuid import UUID

import click

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
