"""``schoolpassport manifest``: whether a copy of a view is what was signed."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from schoolpassport.cli.asking import json_of, text_of
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import canonical, signatures

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NOTHING: Final = {"records": 0, "digest": "0" * 64}


@click.group()
def command() -> None:
    """Manifests of views: what a district shared with an application adds up to, signed."""


@command.command("verify")
@click.argument("file", type=_FILE)
@click.option(
    "--keys", "key_file", required=True, type=_FILE, help="The issuer's key set, from its `/.well-known/jwks.json`."
)
@click.option("--copy", type=_FILE, help="An export of the same revision (NDJSON), to be compared with the manifest.")
def verify(file: Path, key_file: Path, copy: Path | None) -> None:
    """Check the manifest in FILE: the answer of the API, or its `jws` alone. Needs neither a database nor the network.

    Ends with 1 when it is not genuine, or when the copy is not what was signed.
    """
    try:
        found = signatures.verified(_jws(text_of(file)), json_of(key_file), sort=signatures.MANIFEST)
    except ValueError as wrong:
        raise click.ClickException(f"Not genuine. {wrong}") from wrong
    said: dict[str, Any] = found.claims["manifest"]
    click.echo(f"Genuine: signed by {found.claims['iss']} with the key {found.kid}.")
    click.echo(
        f"Revision {said['revision']} of {said['at'] or 'no day yet'}: what {said['district']['name']} shares with "
        f"{said['application']['name']}."
    )
    mine = None if copy is None else _added_up(copy)
    differing = [word for word, signed in said["collections"].items() if not _told(word, signed, mine)]
    if differing:
        raise click.ClickException(f"The copy is not what was signed, in {', '.join(differing)}.")


def _jws(text: str) -> str:
    if not text.lstrip().startswith("{"):
        return text
    return str(json.loads(text).get("jws", ""))


def _told(word: str, signed: Mapping[str, Any], mine: Mapping[str, Mapping[str, Any]] | None) -> bool:
    """Print a line about a collection. Whether the copy has it so."""
    if mine is None:
        click.echo(f"  {word}: {signed['records']}")
        return True
    held = mine.get(word, _NOTHING)
    if held["records"] != signed["records"]:
        click.echo(f"  {word}: {signed['records']}, and in the copy {held['records']}")
    elif held != signed:
        click.echo(f"  {word}: {signed['records']}, and as many in the copy, but not the same")
    else:
        click.echo(f"  {word}: {signed['records']}, the same in the copy")
    return held == signed


def _added_up(copy: Path) -> dict[str, dict[str, Any]]:
    """What an export adds up to, by collection. Raises ``ClickException`` for a line that is none of an export."""
    counts: Counter[str] = Counter()
    sums: dict[str, int] = {}
    with copy.open("rb") as lines:
        for place, line in enumerate(lines, 1):
            try:
                ((kind, record),) = json.loads(line).items()
                word = "" if kind == "end" else SHARED[kind].plural
            except (ValueError, AttributeError, KeyError) as wrong:
                raise click.ClickException(f"Line {place} of {copy} is no line of an export.") from wrong
            counts[word] += 1
            sums[word] = sums.get(word, 0) ^ canonical.number(record)
    return {word: {"records": counts[word], "digest": f"{found:064x}"} for word, found in sums.items()}
