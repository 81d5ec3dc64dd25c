"""What is to be shared, as options of a command."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypedDict
from uuid import UUID

import click

from schoolpassport.kit import conditions
from schoolpassport.sharing import agreements, catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sharing.requirements import Break, Requirements, broken
from schoolpassport.sharing.shield import raised as behind_shield


class Asked(TypedDict):
    """What is to be shared, in the words of the options."""

    schools: tuple[str, ...]
    kinds: tuple[str, ...]
    demographics: bool
    also: tuple[str, ...]
    without: tuple[str, ...]
    masks: tuple[str, ...]
    shield: int
    filters: tuple[str, ...]
    purpose: str


_OPTIONS = (
    click.option(
        "--school", "schools", multiple=True, help="Name or id of a school; several allowed. None: the whole district."
    ),
    click.option(
        "--kind", "kinds", multiple=True, help="Only these kinds (org, user, class …). None: all but demographics."
    ),
    click.option("--demographics", is_flag=True, help="Share demographics, too; never shared unless named."),
    click.option(
        "--also",
        multiple=True,
        metavar="KIND.ATTRIBUTE",
        help="Share what is never shared unless named: user.pronouns, user.userProfiles.",
    ),
    click.option("--without", multiple=True, metavar="KIND.ATTRIBUTE", help="Leave an attribute out, like user.email."),
    click.option(
        "--mask",
        "masks",
        multiple=True,
        metavar="KIND.ATTRIBUTE=MASK",
        help="Show a mask in its place: user.email=alias.",
    ),
    click.option(
        "--shield",
        type=click.IntRange(0, 3),
        default=0,
        help="Level of Privacy Shield, which masks names and more.",
    ),
    click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="KIND=JSON",
        help="Only records of the kind that fulfil conditions.",
    ),
    click.option("--purpose", default="", help="What for, in the words of the agreement."),
)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Put all of them on a command, which gets them as ``**asked``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def nothing_else(option: str, given: Mapping[str, Any]) -> None:
    """What one option says, others must not say, too. Raises ``UsageError``."""
    if any(given.values()):
        raise click.UsageError(f"{option} says what is shared; leave out the options that say it otherwise.")


def tell_what_breaks(needs: Requirements, contents: Contents) -> list[Break]:
    """Which needs of the application these contents do not meet, a line each."""
    found = broken(needs, contents)
    for each in found:
        click.echo(("Stops it: " if each.stops else "Limits it: ") + each.sentence)
    return found


def contents_of(district_id: UUID, asked: Asked, *, takes: Callable[[str], bool]) -> Contents:
    """``takes``: whether the application takes an attribute masked.

    Raises ``ValueError`` and ``LookupError`` for what is not understood.
    """
    chosen = asked["kinds"] or tuple(catalogue.everything())
    if strangers := [kind for kind in chosen if kind not in catalogue.CATALOGUE]:
        raise LookupError(f"There is no kind “{strangers[0]}”; there are: {', '.join(catalogue.CATALOGUE)}.")
    attributes = catalogue.everything(kinds=(*chosen, "demographics") if asked["demographics"] else chosen)
    for key in asked["also"]:
        also = catalogue.attribute(key)
        if also.kind not in attributes:
            raise LookupError(f"{key} cannot be shared without its kind; add --kind {also.kind}.")
        attributes[also.kind] += [also.name] if also.name not in attributes[also.kind] else []
    for name in asked["without"]:
        kind, _, attribute = name.partition(".")
        if attribute not in attributes.get(kind, ()):
            raise LookupError(f"{name} is not shared anyway; write it like user.email.")
        attributes[kind].remove(attribute)
    schools = agreements.schools_named(district_id=district_id, names=asked["schools"]) if asked["schools"] else None
    contents = Contents(
        attributes=attributes,
        schools=schools,
        masks=dict(_pair(m, "KIND.ATTRIBUTE=MASK") for m in asked["masks"]),
        filters={kind: _conditions(said) for kind, said in (_pair(f, "KIND=JSON") for f in asked["filters"])},
        purpose=asked["purpose"],
    )
    return behind_shield(contents, level=asked["shield"], takes=takes)


def _pair(said: str, form: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals:
        raise ValueError(f"“{said}” is not understood; write {form}.")
    return name.strip(), value.strip()


def _conditions(said: str) -> conditions.Tree:
    try:
        return conditions.parse(json.loads(said))
    except json.JSONDecodeError as wrong:
        raise ValueError(f"The conditions are no JSON: {wrong}.") from wrong
