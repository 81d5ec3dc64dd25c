import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.naming import fit_name
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import SealBroken
from schoolpassport.sources import _secrets, packages, policies, queries
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.connectors.shape import Checked, Given, Watch
from schoolpassport.sources.models import OF_THE_DISTRICT, Secret, Setting, Source, SourceRole
from schoolpassport.sources.records import Fetched, Saved
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.tenancy import scope

_REKEYED = (
    "Every id of this source is another from its next run on. Unless it is new, the guard will hold that run, because "
    "all of its records seem to go and as many to come."
)


class SourceExists(Exception):
    """The district has a source of this name."""


class BadConnection(Exception):
    """Settings of a connection that cannot be used; the message says which, and what to give."""


def register_source(
    *,
    district_id: UUID,
    name: str,
    schema: str,
    by: str,
    now: datetime,
    role: SourceRole | None = None,
) -> Source:
    """``role`` None: what the schema is for. Raises ``SourceExists``, ``BadName``, and ``ValueError`` for no schema."""
    if schema not in SCHEMAS:
        raise ValueError(f"No schema “{schema}”. There are: {', '.join(sorted(SCHEMAS))}.")
    called = fit_name(name)
    role = role or (SourceRole.ENRICHMENT if SCHEMAS[schema].adds else SourceRole.ROSTER)
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                source = Source.objects.create(
                    district_id=district_id, id=new_id(), name=called, schema=schema, role=role, created_at=now
                )
        except IntegrityError as error:
            raise SourceExists(f"The district has a source “{name}” already.") from error
        audit.note(district_id=district_id, act="sources:source:register", about=str(source.id), by=by, now=now)
        return source


def note_settled(
    *, district_id: UUID, source_id: UUID, digest: str, prints: dict[str, dict[str, object]], links_changed: int
) -> int:
    """Remember what the source said last, in the caller's transaction. Returns the number of its links' state."""
    source = Source.objects.select_for_update().get(district_id=district_id, id=source_id)
    source.input_digest = digest
    source.prints = {**source.prints, **prints}
    source.settled += 1 if links_changed else 0
    source.save(update_fields=["input_digest", "prints", "settled"])
    return source.settled


def note_removed(*, district_id: UUID, source_id: UUID, unseen: Iterable[str]) -> None:
    """Records went outside a run, in the caller's transaction: the next package is read whoever sent it before.

    ``unseen``: the kinds whose files must be asked, when they come next, about what went meanwhile.
    """
    source = Source.objects.select_for_update().get(district_id=district_id, id=source_id)
    source.input_digest = ""
    source.prints = {**source.prints, **{kind: {**source.prints.get(kind, {}), "unseen": True} for kind in unseen}}
    source.settled += 1
    source.save(update_fields=["input_digest", "prints", "settled"])


def write_setting(
    *, district_id: UUID, source_id: UUID | None = None, subject: str, content: object, by: str, now: datetime
) -> int:
    """Let a document hold from now on; returns its version. The same again is no new version.

    Rooms call this from an action of their own, after they have parsed the content: what stands can always be read.
    The ledger gets the numbers of the versions before and after; the documents themselves stay readable here.
    """
    with scope.inside(district_id):
        owner = source_id or OF_THE_DISTRICT
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [f"{owner}{subject}"])
        last = (
            Setting.objects.filter(district_id=district_id, source_id=owner, subject=subject)
            .order_by("-version")
            .first()
        )
        if last is not None and last.content == content:
            return last.version
        version = last.version + 1 if last else 1
        Setting.objects.create(
            district_id=district_id, source_id=owner, subject=subject, version=version, content=content, by=by, at=now
        )
        audit.note(
            district_id=district_id,
            act="sources:setting:write",
            about=str(source_id or district_id),
            by=by,
            now=now,
            facts={"subject": subject, "before": version - 1, "after": version},
        )
        return version


# -------------------------------------------------------------------------------------------------------- connections


def connect_source(
    *,
    district_id: UUID,
    source_id: UUID,
    connector: str,
    values: Mapping[str, str],
    secrets: Mapping[str, str],
    by: str,
    now: datetime,
) -> None:
    """Say how a source's packages are come by. Raises ``BadConnection``.

    Secrets that are not given stay as they are; those of another connector are forgotten, as is its memory. The ledger
    gets the values before and after, and of secrets their names.
    """
    found = CONNECTORS.get(connector)
    if found is None:
        raise BadConnection(f"No connector “{connector}”. There are: {', '.join(sorted(CONNECTORS))}.")
    with scope.inside(district_id):
        source = Source.objects.select_for_update().get(district_id=district_id, id=source_id)
        held = Secret.objects.filter(district_id=district_id, source_id=source_id)
        if source.connector != connector:
            held.delete()
            source.memory = {}
        known = set(held.values_list("name", flat=True))
        problems = found.problems(values, {**dict.fromkeys(known, "*"), **secrets})
        if found.schemas and source.schema not in found.schemas:
            problems.append(
                f"{found.title} delivers {', '.join(found.schemas)}; this source is set to {source.schema}."
            )
        if problems:
            raise BadConnection(" ".join(problems))
        before, source.connector, source.connection = source.connection, connector, found.filled(values)
        source.save(update_fields=["connector", "connection", "memory"])
        for name, secret in secrets.items():
            _keep_secret(source, name, secret, now)
        facts = {"connector": connector, "before": before, "after": source.connection, "secrets": sorted(secrets)}
        audit.note(
            district_id=district_id, act="sources:connection:set", about=str(source_id), by=by, now=now, facts=facts
        )


def set_secrets(*, district_id: UUID, source_id: UUID, secrets: Mapping[str, str], by: str, now: datetime) -> None:
    """Put new secrets in the place of old ones. Raises ``BadConnection``."""
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        connector, values = source.connector, dict(source.connection)
    connect_source(
        district_id=district_id,
        source_id=source_id,
        connector=connector,
        values=values,
        secrets=secrets,
        by=by,
        now=now,
    )


def check_connection(*, district_id: UUID, source_id: UUID, now: datetime) -> Checked:
    """“Test connection”: whatever is wrong is a sentence, not an exception. Outside of any transaction."""
    try:
        source, given = _given(district_id, source_id, now)
        return CONNECTORS[source.connector].check(given)
    except (Retry, NeedsAttention) as wrong:
        return Checked(ok=False, sentence=wrong.sentence)


def collect(*, district_id: UUID, source_id: UUID, into: Path, watch: Watch, now: datetime) -> Fetched:
    """Fetch a package into the folder ``into``: all of it, or nothing. Raises ``Retry`` and ``NeedsAttention``.

    Outside of any transaction: it may take an hour.
    """
    source, given = _given(district_id, source_id, now)
    shutil.rmtree(into, ignore_errors=True)
    unfinished = into.with_name(f".{into.name}.{token_hex(8)}")
    unfinished.mkdir(mode=0o700, parents=True)
    connector = CONNECTORS[source.connector]
    try:
        collected = connector.collect(given, unfinished, watch)
        names = sorted(path.name for path in unfinished.iterdir())
        if not names:
            raise NeedsAttention("The source has no files for a package. See that it exports some.")
        unfinished.rename(into)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    alone = len(names) == 1 and names[0].lower().endswith(".zip")
    return Fetched(
        path=into / names[0] if alone else into,
        memory=dict(collected.memory),
        facts=dict(collected.facts),
        observed=min(now, collected.answered or now) if connector.asks else None,
    )


def probe_source(*, district_id: UUID, source_id: UUID, by: str, now: datetime) -> None:
    """Find out what the other side can do, and let the connector go by it from now on: see ``queries.card``.

    Raises ``BadConnection`` where there is nothing to find out, ``Retry`` and ``NeedsAttention``. Asks outside of any
    transaction.
    """
    source, given = _given(district_id, source_id, now)
    dialect = CONNECTORS[source.connector].dialect
    if dialect is None:
        raise BadConnection(f"{CONNECTORS[source.connector].title} is no dialect that can be probed.")
    memory = dialect.probe(given)
    with scope.inside(district_id):
        remember(district_id=district_id, source_id=source_id, memory=memory)
        audit.note(district_id=district_id, act="sources:dialect:probe", about=str(source_id), by=by, now=now)


def remember(*, district_id: UUID, source_id: UUID, memory: Mapping[str, Any]) -> None:
    """What the connector wants to find next time, in the transaction that takes what it fetched."""
    Source.objects.filter(district_id=district_id, id=source_id).update(memory=dict(memory))


def reseal_secrets(*, district_id: UUID) -> Resealed:
    """Seal with the newest master key what an older one sealed, in the caller's scope and transaction."""
    return _secrets.reseal(district_id=district_id) + packages.reseal(district_id=district_id)


def set_retention(*, district_id: UUID, source_id: UUID | None = None, days: int, by: str, now: datetime) -> int:
    """Keep packages that many days after their runs from now on; 0: not at all. Raises ``policies.BadPolicy``."""
    content = {"days": days}
    packages.retention(content)
    return write_setting(
        district_id=district_id, source_id=source_id, subject=packages.RETENTION, content=content, by=by, now=now
    )


def _keep_secret(source: Source, name: str, secret: str, now: datetime) -> None:
    sealed = _secrets.seal(secret, district_id=source.district_id, source_id=source.id, name=name)
    Secret.objects.update_or_create(
        district_id=source.district_id, source_id=source.id, name=name, defaults={"sealed": sealed, "set_at": now}
    )


def _given(district_id: UUID, source_id: UUID, now: datetime) -> tuple[Source, Given]:
    """What the connector gets to know. Raises ``NeedsAttention``."""
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        try:
            secrets = _secrets.opened(district_id=district_id, source_id=source_id)
        except SealBroken:
            raise NeedsAttention(
                "The secrets of this source cannot be opened with the master keys at hand. Give them anew: "
                "schoolpassport sources secrets."
            ) from None
    if source.connector not in CONNECTORS:
        raise NeedsAttention(f"This source is fetched by “{source.connector}”, which is not there any more.")
    env = settings.ENVIRONMENT
    return source, Given(
        values=CONNECTORS[source.connector].filled(source.connection),
        secrets=secrets,
        memory=source.memory,
        now=now,
        schema=source.schema,
        policy=env.egress,
        folders=env.folders,
    )


def set_shaping(*, district_id: UUID, source_id: UUID, subject: str, content: object, by: str, now: datetime) -> Saved:
    """Let a source be read in another way from its next run on: see ``policies`` for the subjects.

    Raises ``policies.BadPolicy`` for what cannot be taken, and then nothing is changed.
    """
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        before = queries.settings(district_id=district_id, source_id=source_id)
        old = policies.shaping(before, SCHEMAS[source.schema])
        new = policies.check(subject, content, SCHEMAS[source.schema])
        version = write_setting(
            district_id=district_id, source_id=source_id, subject=subject, content=content, by=by, now=now
        )
    warnings = (_REKEYED,) if subject == "prefix" and new.prefix != old.prefix and source.settled else ()
    return Saved(version=version, warnings=(*warnings, *new.hints))
