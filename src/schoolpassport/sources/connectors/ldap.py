"""Accounts and groups of a directory: OpenLDAP, Active Directory and their like."""

import csv
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from schoolpassport.kit import directory
from schoolpassport.kit.directory import LDAPS, PORTS, STARTTLS, Directory, Login, Values
from schoolpassport.sources.connectors.shape import Checked, Collected, Connector, Given, Setting, Type, Watch

# Column of accounts.csv → the attributes it may come from, the first that is there. `id` and `enabled` are reckoned.
_FROM = {
    "username": ("samaccountname", "uid", "userprincipalname"),
    "mail": ("mail",),
    "givenName": ("givenname",),
    "sn": ("sn",),
    "displayName": ("displayname",),
    "employeeNumber": ("employeenumber", "employeeid"),
    "department": ("department", "departmentnumber"),
    "telephone": ("telephonenumber",),
}
ACCOUNTS = ("id", "dn", *_FROM, "enabled")
GROUPS = ("id", "name", "member")
_IDS = ("objectguid", "entryuuid", "nsuniqueid")  # what stays when somebody is renamed
_DISABLED = 2  # in userAccountControl: ACCOUNTDISABLE


def _check(given: Given) -> Checked:
    with directory.opened(_login(given), policy=given.policy) as found:
        first = next(_accounts(given, found), None)
    if first is None:
        return Checked(ok=False, sentence="The directory lets us in, but no account is found. Check base and filter.")
    return Checked(ok=True, sentence="The directory lets us in, over verified TLS, and accounts are found.")


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    with directory.opened(_login(given), policy=given.policy) as found:
        watch("accounts")
        accounts = _write(into / "accounts.csv", ACCOUNTS, _accounts(given, found))
        watch("groups")
        groups = _write(into / "groups.csv", GROUPS, _groups(given, found)) if given.value("groups") else 0
    return Collected(facts={"accounts": accounts, "groups": groups})


def _accounts(given: Given, found: Directory) -> Iterator[list[str]]:
    wanted = [*(a for from_ in _FROM.values() for a in from_), "userAccountControl", "nsAccountLock", *_IDS]
    for name, values in found.search(given.value("base"), given.value("accounts"), wanted):
        told = (_first(values, *from_) for from_ in _FROM.values())
        yield [_id(values, name), name, *told, "true" if _enabled(values) else "false"]


def _groups(given: Given, found: Directory) -> Iterator[list[str]]:
    """One line per member; a group without members has one line without."""
    wanted = ["cn", "description", "member", "uniqueMember", "memberUid", "objectGUID", "entryUUID", "nsUniqueId"]
    for name, values in found.search(given.value("base"), given.value("groups"), wanted):
        members = [_text(v) for a in ("member", "uniquemember", "memberuid") for v in values.get(a, [])]
        head = [_id(values, name), _first(values, "cn")]
        yield from ([*head, member] for member in members or [""])


def _id(values: Values, name: str) -> str:
    for attribute in _IDS:
        if value := next(iter(values.get(attribute, [])), b""):
            # Active Directory's sixteen bytes, in the order in which Microsoft writes them.
            return str(UUID(bytes_le=value)) if attribute == "objectguid" and len(value) == 16 else _text(value)  # noqa: PLR2004 (bytes of a UUID)
    return name


def _enabled(values: Values) -> bool:
    control = _first(values, "useraccountcontrol")
    locked = _first(values, "nsaccountlock").lower() == "true"
    return not locked and not (control.lstrip("-").isdigit() and int(control) & _DISABLED)


def _first(values: Values, *attributes: str) -> str:
    return next((_text(found[0]) for a in attributes if (found := values.get(a))), "")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _write(path: Path, header: tuple[str, ...], rows: Iterator[list[str]]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        count = 0
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _login(given: Given) -> Login:
    security = given.value("security")
    return Login(
        host=given.value("host"),
        port=given.number("port") if given.value("port") else PORTS[security],
        security=security,
        user=given.value("user"),
        password=given.secrets.get("password", ""),
        authority=given.value("authority"),
    )


CONNECTOR = Connector(
    name="ldap",
    title="Directory (LDAP, Active Directory)",
    about="Accounts and groups of a directory, as accounts.csv and groups.csv: a second source that adds usernames and "
    "e-mail addresses. Needs `pip install 'schoolpassport[ldap]'`.",
    settings=(
        Setting(name="host", title="Host", help="the server's name, as its certificate says it", required=True),
        Setting(name="port", title="Port", help="empty: 389 for starttls, 636 for ldaps", type=Type.NUMBER),
        Setting(
            name="security",
            title="TLS",
            help="how the connection is encrypted; without, nothing is sent",
            type=Type.CHOICE,
            choices=(STARTTLS, LDAPS),
            default=STARTTLS,
        ),
        Setting(name="user", title="User", help="as whom to log in: a DN, or user@domain for Active Directory"),
        Setting(name="password", title="Password", help="of the user", secret=True),
        Setting(name="base", title="Base", help="below which to search, like dc=school,dc=example", required=True),
        Setting(
            name="accounts",
            title="Accounts",
            help="the filter that finds accounts",
            default="(|(objectClass=inetOrgPerson)(&(objectCategory=person)(objectClass=user)))",
        ),
        Setting(
            name="groups",
            title="Groups",
            help="the filter that finds groups",
            default="(|(objectClass=group)(objectClass=groupOfNames)(objectClass=posixGroup))",
        ),
        Setting(
            name="authority",
            title="Certificate authority",
            help="PEM, when the certificate is signed by an authority of your own",
            type=Type.LINES,
        ),
    ),
    check=_check,
    collect=_collect,
    schemas=("directory",),
    asks=True,
)
