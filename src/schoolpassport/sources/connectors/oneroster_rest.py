"""A pull from a provider's OneRoster API: every collection, page by page, made into the package of the same version."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from schoolpassport.kit.http import Unexpected
from schoolpassport.sources.connectors.shape import (
    Checked,
    Collected,
    Connector,
    Dialect,
    Given,
    NeedsAttention,
    Setting,
    Type,
    Watch,
)
from schoolpassport.sources.rest import card, cells, pulling
from schoolpassport.sources.rest.session import OAUTH2, WAYS, Access, Session
from schoolpassport.sources.schemas import SCHEMAS


def _check(given: Given) -> Checked:
    offered, lacking = [], []
    with _session(given) as session:
        for name in reversed(_wanted(given)):
            try:
                session.page(name, limit="1", offset="0")
                offered.append(name)
            except Unexpected as no:
                lacking.append(pulling.lacking(session, name, no))
    without = f" Not offered, and left out: {', '.join(lacking)}." if lacking else ""
    sentence = f"The provider lets us in and shows {', '.join(offered)}.{without}"
    return Checked(ok=True, sentence=sentence, facts={"offered": offered, "not offered": lacking})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    wish = pulling.Wish(
        schema=SCHEMAS[given.schema],
        collections=tuple(_wanted(given)),
        size=_size(given),
        days=given.number("full_days"),
        overlap=timedelta(hours=given.number("overlap_hours")),
        one_by_one=given.number("one_by_one"),
        memory=_memory(given),
    )
    with _session(given) as session:
        done = pulling.pull(session, wish, into, watch)
    memory = {**done.memory, card.ADDRESS: _address(given)}
    return Collected(memory=memory, facts=done.facts, answered=session.answered)


def _probe(given: Given) -> Mapping[str, Any]:
    with _session(given) as session:
        found = pulling.probe(session, _size(given))
    return {**_memory(given), card.CARD: found.stored(), card.ADDRESS: _address(given)}


def _memory(given: Given) -> Mapping[str, Any]:
    """What was found out, if it was found out about this provider, asked in this way."""
    return given.memory if given.memory.get(card.ADDRESS) == _address(given) else {}


def _address(given: Given) -> str:
    """A hash of all that decides what is seen."""
    told = [given.schema, *(given.value(n) for n in ("address", "login", "client_id", "scopes"))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _size(given: Given) -> int:
    return max(2, given.number("page_size"))  # a page begins with the last record of the one before


def _session(given: Given) -> Session:
    return Session(_access(given), policy=given.policy, pace=given.pace, limits=given.limits, now=given.now)


def _access(given: Given) -> Access:
    access = Access(
        address=given.value("address"),
        version=SCHEMAS[given.schema].version,
        way=given.value("login"),
        client_id=given.value("client_id"),
        secret=given.secrets.get("client_secret", ""),
        token_address=given.value("token_address"),
        scopes=given.value("scopes"),
        authority=given.value("authority"),
    )
    if access.way == OAUTH2 and not access.token_address:
        raise NeedsAttention("“Token address” must be given for OAuth 2: the provider's documentation names it.")
    if not access.secret:
        raise NeedsAttention("The client secret is missing. Give it: schoolpassport sources secrets.")
    return access


def _wanted(given: Given) -> list[str]:
    """The collections to be read, those that refer before those that are referred to."""
    also = given.value("also").replace(",", " ").split()
    if strange := sorted(set(also) - set(cells.OPTIONAL) - {"none"}):
        raise NeedsAttention(f"“Also” cannot hold {strange[0]!r}: it may name {', '.join(cells.OPTIONAL)}, or none.")
    if not SCHEMAS[given.schema].inputs and (later := sorted(set(also) & set(cells.ONLY_IN_1P2))):
        raise NeedsAttention(f"“Also” cannot hold {later[0]!r}: OneRoster 1.1, which this source is set to, has none.")
    return [name for name in cells.ORDER if name in {*cells.REQUIRED, *also}]


CONNECTOR = Connector(
    name="oneroster-rest",
    title="OneRoster API",
    about="A provider's OneRoster 1.1 or 1.2 API (the source's schema says which), read page by page when the run "
    "begins, and made into a package of that version: whole, or not at all.",
    settings=(
        Setting(
            name="address",
            title="Address",
            help="of the API, like https://sis.example/ims/oneroster/v1p1; a host alone gets the standard's path",
            required=True,
        ),
        Setting(
            name="login",
            title="Login",
            help="OAuth 2 client credentials, or requests signed by OAuth 1.0a",
            type=Type.CHOICE,
            choices=WAYS,
            default=OAUTH2,
        ),
        Setting(name="client_id", title="Client id", help="or consumer key, from the provider", required=True),
        Setting(name="client_secret", title="Client secret", help="or consumer secret", secret=True),
        Setting(name="token_address", title="Token address", help="where OAuth 2 gives tokens"),
        Setting(name="scopes", title="Scopes", help="separated by blanks; empty: all of rostering, read only"),
        Setting(
            name="also",
            title="Also",
            help=f"what to read besides the roster, of: {', '.join(cells.OPTIONAL)}; or none; those "
            "of gradebooks and resources need scopes of their own, and some are in OneRoster 1.2 alone",
            default="demographics",
        ),
        Setting(
            name="page_size",
            title="Page size",
            help="how many records to ask for at once; fewer may come",
            type=Type.NUMBER,
            default="2000",
        ),
        Setting(
            name="full_days",
            title="Full reading",
            help="after so many days everything is read anew, even if the provider can tell what changed; 0: each time",
            type=Type.NUMBER,
            default="7",
        ),
        Setting(
            name="overlap_hours",
            title="Overlap",
            help="so many hours before the newest known change, changes are asked for again",
            type=Type.NUMBER,
            default="24",
        ),
        Setting(
            name="one_by_one",
            title="Resources one by one",
            help="of up to so many classes, courses and (in 1.2) users that do not show their resources, each is asked "
            "for them every night, by a request or two; 0: none is. It counts if “Also” names resources",
            type=Type.NUMBER,
            default="0",
        ),
        Setting(
            name="authority",
            title="Certificate authority",
            help="PEM, when the server's certificate is signed by an authority of your own",
            type=Type.LINES,
        ),
    ),
    check=_check,
    collect=_collect,
    schemas=("oneroster-1.1", "oneroster-1.2"),
    asks=True,
    dialect=Dialect(probe=_probe, card=card.traits),
)
