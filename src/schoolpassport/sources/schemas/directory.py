"""Accounts and groups of a directory (LDAP, Active Directory), as the connector writes them: people in part.

For sources that add user names and e-mail addresses to people whom another source brings.
"""

from schoolpassport.sources.schemas.canonical import FILES
from schoolpassport.sources.schemas.shape import Input, Output, Schema, same

SCHEMA = Schema(
    name="directory",
    title="Directory accounts",
    version="directory",
    adds=True,
    files=FILES,
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
            of=("accounts",),
            sql="""SELECT "id" AS "sourcedId", lower(coalesce("enabled", 'true')) AS "enabledUser",
            "username" AS "username", "givenName" AS "givenName", "sn" AS "familyName", "mail" AS "email",
            "employeeNumber" AS "identifier", "telephone" AS "phone", 'accounts.csv' AS file, line
            FROM {accounts} WHERE "id" IS NOT NULL""",
        ),
    ),
)
