"""The same school in another SIS: the rows of a package under other ids."""

from collections.abc import Callable, Mapping

from tests.support.packages import Package, Row, demographics

REFERENCES = {
    "parentSourcedId": "{file}",
    "orgSourcedId": "orgs",
    "orgSourcedIds": "orgs",
    "schoolSourcedId": "orgs",
    "schoolYearSourcedId": "academicSessions",
    "termSourcedIds": "academicSessions",
    "courseSourcedId": "courses",
    "classSourcedId": "classes",
    "userSourcedId": "users",
    "agentSourcedIds": "users",
}
Renaming = Callable[[str, str], str]  # file, key → key


def rekeyed(package: Package, rename: Renaming) -> Package:
    def row(file: str, cells: Row) -> Row:
        made = {**cells, "sourcedId": rename("users" if file == "demographics" else file, cells["sourcedId"])}
        for header, target in REFERENCES.items():
            if made.get(header):
                to = target.format(file=file)
                made[header] = ",".join(rename(to, key) for key in made[header].split(","))
        return made

    return Package({f: tuple(row(f, r) for r in rows) for f, rows in package.rows.items()}, package.modes)


def prefixed(_: str, key: str) -> str:
    return f"n-{key}"


def rotated(package: Package, by: int = 1) -> Renaming:
    """Every id means the next one's record: all ids overlap, and none means whom it meant."""
    turn: dict[str, Mapping[str, str]] = {}
    for file, rows in package.rows.items():
        keys = [r["sourcedId"] for r in rows]
        turn[file] = dict(zip(keys, keys[by % len(keys) :] + keys[: by % len(keys)], strict=True))
    return lambda file, key: turn[file].get(key, key)


def known(package: Package) -> Package:
    """Everybody has an e-mail of their own and a birth date."""
    users = tuple({**u, "email": f"{u['sourcedId']}@amber.example"} for u in package.rows["users"])
    born = tuple(
        demographics(u["sourcedId"], birthDate=f"2012-{1 + n % 12:02d}-{1 + n // 12 % 28:02d}")
        for n, u in enumerate(package.rows["users"])
    )
    return Package({**package.rows, "users": users, "demographics": born}, package.modes)
