"""``schoolpassport shield``: what can be shared, how it can be masked, and whose a pseudonym is."""

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, me
from schoolpassport.kit import clock
from schoolpassport.sharing import actions, catalogue
from schoolpassport.sharing import shield as levels
from schoolpassport.sharing.masks import MASKS


@click.group()
def command() -> None:
    """Privacy Shield: masks that stand in the place of values."""


@command.command("list")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(catalogue.CATALOGUE)), help="Only these kinds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(kinds: tuple[str, ...], *, as_json: bool) -> None:
    """Everything that can be shared: how private it is, which masks fit, and from which level on it is masked.

    What OneRoster requires has a star: it cannot be withheld while its kind is shared.
    """
    every = [a for kind in kinds or catalogue.CATALOGUE for a in catalogue.attributes(kind)]
    if as_json:
        show.as_json(
            [
                {
                    "attribute": a.key,
                    "label": a.label,
                    "privacy": str(a.privacy),
                    "required": a.required,
                    "masks": list(a.masks),
                    "level": _level(a.key),
                    "names": {str(dialect): name for dialect, name in a.names.items()},
                }
                for a in every
            ]
        )
        return
    show.table(
        ("attribute", "label", "privacy", "masks", "from level"),
        [
            (a.key + "*" * a.required, a.label, str(a.privacy), " ".join(a.masks) or "–", _level(a.key) or "–")
            for a in every
        ],
    )


def _level(key: str) -> int | None:
    return next((n for n, masks in enumerate(levels.LEVELS) if key in masks), None)


@command.command("reveal")
@click.argument("application")
@click.argument("pseudonym")
@click.option("--district", help="Name or id; not needed when there is only one.")
def reveal(application: str, pseudonym: str, district: str | None) -> None:
    """Whose PSEUDONYM is: an invented name, pseudonym or alias address that APPLICATION was shown.

    Only the district can tell, and each look is written into its ledger. `schoolpassport roster show` has the record.
    """
    id_, now = district_id(district), clock.now()
    mine = integration_id(id_, application)
    found = actions.reveal(district_id=id_, integration_id=mine, pseudonym=pseudonym, by=me(), now=now)
    if not found:
        raise click.ClickException(f"{application} was shown nobody as {pseudonym}.")
    show.table(("kind", "attribute", "GG4L ID"), [(m.kind, m.attribute, str(m.id)) for m in found])


@command.command("masks")
def masks_() -> None:
    """The masks: what they show, and what of the value can still be told."""
    show.table(("mask", "what is shown", "what is left"), [(m.name, m.title, m.keeps) for m in MASKS.values()])
