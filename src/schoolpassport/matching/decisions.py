"""What a district decides about matching and merging, written down; and whose word counts by it."""

from datetime import datetime
from uuid import UUID

from schoolpassport.matching import policies
from schoolpassport.matching.policies import Registered
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.records import Authority
from schoolpassport.sources import actions as writing
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope


def authority(*, district_id: UUID) -> Authority:
    """Whose word counts in the district now; inside its scope."""
    held = sources.settings(district_id=district_id).get("masters")
    return policies.authority(held, sources=registered(district_id=district_id))


def registered(*, district_id: UUID) -> list[Registered]:
    """The sources in the order of their registration; inside the district's scope."""
    found = sources.registered(district_id=district_id)
    return [Registered(id=s.id, name=s.name, is_roster=s.role == SourceRole.ROSTER) for s in found]


def set_domains(*, district_id: UUID, content: object, by: str, now: datetime) -> int:
    """By which attributes rows mean the same record. Raises ``policies.Unfit``."""
    policies.domains(content)
    return writing.write_setting(district_id=district_id, subject="domains", content=content, by=by, now=now)


def set_identity(*, district_id: UUID, content: object, by: str, now: datetime) -> int:
    """Whether one person may hold several roles. Raises ``policies.Unfit``."""
    policies.several_roles(content)
    return writing.write_setting(district_id=district_id, subject="identity", content=content, by=by, now=now)


def set_schools(*, district_id: UUID, source_id: UUID, content: object, by: str, now: datetime) -> int:
    """What becomes of the schools of a source. Raises ``policies.Unfit``.

    A school that the source has brought already is not mapped any more, for its id means a record: those are merged.
    """
    asked = policies.schools(content)
    with scope.inside(district_id):  # house: scope-at-the-door (an action in all but the file's name)
        held = policies.schools(sources.settings(district_id=district_id, source_id=source_id).get("schools")).existing
        standing = queries.known_ids(district_id=district_id, kind="org", ids=asked.existing.values())
        for key, id_ in asked.existing.items():
            if id_ not in standing:
                raise policies.Unfit(f"School “{key}” is mapped to {id_}, but no school has that GG4L ID.")
        said = {key: id_ for key, id_ in asked.existing.items() if held.get(key) != id_}
        meant = queries.meant(district_id=district_id, source_id=source_id, kind="org", keys=said)
        for key, id_ in said.items():
            if meant.get(key, id_) != id_:
                raise policies.Unfit(
                    f"School “{key}” came already, and is {meant[key]}. To make one school of both: "
                    f"schoolpassport people merge {id_} {meant[key]} --kind org"
                )
        return writing.write_setting(
            district_id=district_id, source_id=source_id, subject="schools", content=content, by=by, now=now
        )


def set_masters(*, district_id: UUID, content: object, by: str, now: datetime) -> int:
    """Whose value of an attribute stands. Records of several sources are merged anew at once.

    Raises ``policies.Unfit``, and ``roster.actions.Busy`` while a run is on its way.
    """
    with scope.inside(district_id):  # house: scope-at-the-door (an action in all but the file's name)
        policies.authority(content, sources=registered(district_id=district_id))
        version = writing.write_setting(district_id=district_id, subject="masters", content=content, by=by, now=now)
        roster.merge_anew(
            district_id=district_id,
            cause=f"master fields {version}",
            by=by,
            now=now,
            authority=authority(district_id=district_id),
        )
        return version
