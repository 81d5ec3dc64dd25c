"""A little world that changes from night to night, and what its source tells of it: strategies for Hypothesis.

Few names, so that the same ones leave, return and refer to one another all the time. What is told is what sources tell:
whole files, files left out, deltas, rows with errors, rows without a name, rows that contradict one another.
"""

from collections.abc import Callable

from hypothesis import strategies as st

from tests.support.packages import (
    STAMP,
    Package,
    Row,
    class_,
    course,
    demographics,
    enrollment,
    org,
    session,
    user,
)

FILES = ("orgs", "academicSessions", "courses", "users", "classes", "enrollments", "demographics")
KEYS = {
    "orgs": ("d1", "d2", "s1", "s2", "s3"),
    "academicSessions": ("year", "t1", "t2"),
    "courses": ("c1", "c2", "c3"),
    "users": ("u1", "u2", "u3", "u4", "u5"),
    "classes": ("k1", "k2", "k3"),
    "enrollments": ("e1", "e2", "e3", "e4", "e5"),
    "demographics": ("u1", "u2", "u3"),
}
EVERYBODY = [(file, key) for file in FILES for key in KEYS[file]]

Truth = dict[str, dict[str, Row]]


def one(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def some(*values: str, least: int = 0) -> st.SearchStrategy[str]:
    return st.lists(one(*values), min_size=least, max_size=3, unique=True).map(",".join)


def _org(key: str) -> st.SearchStrategy[Row]:
    above = {"d1": one(""), "d2": one("", "d1")}.get(key, one("d1", "d2", ""))
    kind = "district" if key[0] == "d" else "school"
    return st.builds(lambda n, p: org(key, name=n, type=kind, parentSourcedId=p), one("North", "South"), above)


def _session(key: str) -> st.SearchStrategy[Row]:
    if key == "year":
        return st.just(session(key, type="schoolYear"))
    return st.builds(lambda title, up: session(key, title=title, parentSourcedId=up), one("A", "B"), one("", "year"))


def _course(key: str) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda title, org_, year, grades: course(
            key, title=title, orgSourcedId=org_, schoolYearSourcedId=year, grades=grades
        ),
        one("Art", "Music"),
        one(*KEYS["orgs"]),
        one("", "year"),
        some("07", "08"),
    )


def _user(key: str) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda name, orgs, role, agents, email, house: (
            user(key, givenName=name, orgSourcedIds=orgs, role=role, agentSourcedIds=agents, email=email)
            | {"metadata.house": house}
        ),
        one("Ann", "Bo"),
        some(*KEYS["orgs"], least=1),
        one("student", "student", "teacher", "wizard"),
        some(*KEYS["users"]),
        one("", "a@b.example"),
        one("", "Red"),
    )


def _class(key: str) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda title, course_, school, terms: class_(
            key, title=title, courseSourcedId=course_, schoolSourcedId=school, termSourcedIds=terms
        ),
        one("Red", "Blue"),
        one(*KEYS["courses"]),
        one("s1", "s2", "s3"),
        some("t1", "t2", least=1),
    )


def _enrollment(key: str) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda person, class_key, school, role: enrollment(
            key, userSourcedId=person, classSourcedId=class_key, schoolSourcedId=school, role=role
        ),
        one(*KEYS["users"]),
        one(*KEYS["classes"]),
        one("s1", "s2", "s3"),
        one("student", "teacher"),
    )


def _demographics(key: str) -> st.SearchStrategy[Row]:
    return st.builds(lambda sex: demographics(key, sex=sex), one("male", "female"))


ROWS: dict[str, Callable[[str], st.SearchStrategy[Row]]] = {
    "orgs": _org,
    "academicSessions": _session,
    "courses": _course,
    "users": _user,
    "classes": _class,
    "enrollments": _enrollment,
    "demographics": _demographics,
}


@st.composite
def histories(draw: st.DrawFn, *, least: int = 2, most: int = 5) -> list[Package]:
    """What the source said, night after night."""
    truth: Truth = {file: {} for file in FILES}
    for file, key in EVERYBODY:
        if draw(one("here", "here", "here", "away")) == "here":
            truth[file][key] = draw(ROWS[file](key))
    before: Truth = {file: {} for file in FILES}
    told = []
    for _ in range(draw(st.integers(least, most))):
        told.append(_told(draw, truth, before))
        before = {file: dict(rows) for file, rows in truth.items()}
        for file, key in draw(st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=8, unique=True)):
            _move(draw, truth, file, key)
    return told


def _move(draw: st.DrawFn, truth: Truth, file: str, key: str) -> None:
    """Somebody leaves, or comes, or comes back, or is told differently."""
    if key in truth[file] and draw(st.booleans()):
        del truth[file][key]
    else:
        truth[file][key] = draw(ROWS[file](key))


def _told(draw: st.DrawFn, truth: Truth, before: Truth) -> Package:
    rows: dict[str, tuple[Row, ...]] = {}
    modes: dict[str, str] = {}
    for file in FILES:
        mode = draw(one(*["bulk"] * 8, "absent", "delta"))
        said = _changes(truth[file], before[file]) if mode == "delta" else list(truth[file].values())
        if mode == "bulk" and said:
            said += draw(
                st.sampled_from([[], [], [], [], [], [{**said[0], "sourcedId": ""}], [contrary(file, said[-1])]])
            )
        if mode == "absent" or not said:
            continue
        rows[file], modes[file] = tuple(draw(st.permutations(said))), mode
    return Package(rows, modes)


def contrary(file: str, row: Row) -> Row:
    """The same id, and something else about it that would be fine by itself."""
    other = {"orgs": "identifier", "academicSessions": "title", "users": "middleName", "demographics": "cityOfBirth"}
    if file == "enrollments":
        return {**row, "beginDate": "2026-09-09"}
    return {**row, other.get(file, "title"): "Contrary"}


def _changes(now: dict[str, Row], before: dict[str, Row]) -> list[Row]:
    """A delta: what came or changed since last night, and what went."""
    told = [
        {**row, "status": "active", "dateLastModified": STAMP} for key, row in now.items() if before.get(key) != row
    ]
    gone = [row for key, row in before.items() if key not in now]
    return told + [{**row, "status": "tobedeleted", "dateLastModified": STAMP} for row in gone]
