"""Accounts and groups of a directory (LDAP, Active Directory), as the connector writes them: people in part.

For sources that add user names and e-mail addresses to people whom another source brings. Which groups an account is
a member of can be asked in filters and transforms; it is kept only where a district says so.
"""

from dataclasses import replace

from schoolpassport.sources.schemas.canonical import FILES
from schoolpassport.sources.schemas.shape import Input, Output, Remark, Schema, same

GROUPS = "metadata.groups"


def _member(called: str) -> str:
    """SQL: accounts (line) and the groups (name) that name them so."""
    return (
        'SELECT a.line, g."name" AS name FROM {accounts} a JOIN {groups} g '
        f'ON lower(nfc_normalize(a."{called}")) = lower(nfc_normalize(g."member")) WHERE g."name" IS NOT NULL'
    )


SCHEMA = Schema(
    name="directory",
    title="Directory accounts",
    version="directory",
    adds=True,
    files=tuple(replace(f, asked=(GROUPS,)) if f.kind.name == "user" else f for f in FILES),
    inputs=(
        Input(
            name="accounts",
            columns=same(
                *("id", "dn", "username", "mail", "givenName", "sn", "displayName", "employeeNumber", "department"),
                *("telephone", "enabled"),
            ),
            required=("id", "username"),
        ),
        Input(name="groups", columns=same("id", "name", "member"), required=("id", "name"), optional=True),
    ),
    outputs=(
        Output(
            kind="user",
            of=("accounts", "groups"),
            sql=f"""SELECT "id" AS "sourcedId", lower(coalesce("enabled", 'true')) AS "enabledUser",
            "username" AS "username", "givenName" AS "givenName", "sn" AS "familyName", "mail" AS "email",
            "employeeNumber" AS "identifier", "telephone" AS "phone", g.groups AS "{GROUPS}",
            'accounts.csv' AS file, a.line FROM {{accounts}} a LEFT JOIN (
                SELECT line, to_json(list_sort(list(DISTINCT name)))::VARCHAR AS groups
                FROM ({_member("dn")} UNION ALL {_member("username")}) GROUP BY line
            ) g ON a.line = g.line WHERE a."id" IS NOT NULL""",
        ),
    ),
    remarks=(
        Remark(
            rule="group not read",
            of="groups",
            sql="""SELECT count(*) || CASE WHEN count(*) = 1 THEN ' group' ELSE ' groups' END || ' of the directory '
            || 'could not be read, the first is “' || min("id") || '”; nobody counts as a member for what cannot be '
            || 'read. Let the directory''s administrators give this user the right to read groups with their members, '
            || 'or narrow the filter “Groups”.'
            FROM (SELECT DISTINCT "id" FROM {groups} WHERE "id" IS NOT NULL AND "name" IS NULL) HAVING count(*) > 0""",
        ),
    ),
)
