"""Accounts and groups of a directory: OpenLDAP, Active Directory and their like."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
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
_MEMBERS = ("member", "uniquemember", "memberuid")
_NEVER_EMPTY = {"groupofnames", "groupofuniquenames"}  # the schema of LDAP demands members of them (RFC 4519)
_MOST_ASKED = 200  # groups that accounts name and no search found


def _check(given: Given) -> Checked:
    with directory.opened(_login(given), policy=given.policy) as found:
        first = next(_accounts(given, found), None)
    if first is None:
        return Checked(ok=False, sentence="The directory lets us in, but no account is found. Check base and filter.")
    return Checked(ok=True, sentence="The directory lets us in, over verified TLS, and accounts are found.")


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    groups = _Groups()
    with directory.opened(_login(given), policy=given.policy) as found, _table(into / "groups.csv", GROUPS) as told:
        watch("groups")
        told.writerows(groups.read(given, found))
        watch("accounts")
        with _table(into / "accounts.csv", ACCOUNTS) as accounts:
            count = 0
            for row, named in _accounts(given, found):
                accounts.writerow(row)
                told.writerows(groups.of(row[ACCOUNTS.index("dn")], named))
                count += 1
        told.writerows(groups.unread(found))
    return Collected(facts={"accounts": count, "groups": len(groups.known)})


def _accounts(given: Given, found: Directory) -> Iterator[tuple[list[str], list[str]]]:
    """Rows of accounts, each with the names of the groups that it says it is a member of."""
    wanted = [*(a for from_ in _FROM.values() for a in from_), "userAccountControl", "nsAccountLock", "memberOf", *_IDS]
    for name, values in found.search(given.value("base"), given.value("accounts"), wanted):
        told = (_first(values, *from_) for from_ in _FROM.values())
        row = [_id(values, name), directory.spelled(name), *told, "true" if _enabled(values) else "false"]
        yield row, [_text(v) for v in values.get("memberof", [])]


@dataclass(frozen=True)
class _Groups:
    """The groups that were found: a line of groups.csv per member; one that nobody could read has no name in it.

    ``known``: by their names in the directory, in small letters: id and name.
    """

    known: dict[str, tuple[str, str]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)

    def read(self, given: Given, found: Directory) -> Iterator[list[str]]:
        wanted = ["cn", "member", "uniqueMember", "memberUid", "objectClass", "objectGUID", "entryUUID", "nsUniqueId"]
        for name, values in found.search(given.value("base"), given.value("groups"), wanted):
            members = [directory.spelled(_text(v)) for a in _MEMBERS for v in values.get(a, [])]
            classes = {_text(v).lower() for v in values.get("objectclass", [])}
            called = _first(values, "cn")
            if not called or (not members and classes & _NEVER_EMPTY):
                yield [name, "", ""]
                continue
            head = (_id(values, name), called)
            self.known[directory.spelled(name).casefold()] = head
            yield from ([*head, member] for member in members or [""])

    def of(self, account: str, named: Iterable[str]) -> Iterator[list[str]]:
        """What an account itself says: in some directories, also of groups that hold its groups."""
        for group in named:
            if head := self.known.get(directory.spelled(group).casefold()):
                yield [*head, account]
            else:
                self.strange.add(group)

    def unread(self, found: Directory) -> Iterator[list[str]]:
        """Groups that accounts name and nobody may see. What can be seen, the filter leaves out on purpose."""
        for group in sorted(self.strange)[:_MOST_ASKED]:
            if not found.shows(group):
                yield [group, "", ""]


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


@contextmanager
def _table(path: Path, header: tuple[str, ...]) -> Iterator[Any]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        yield writer


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
    "e-mail addresses, and [knows groups](mapping.md#groups-of-a-directory). "
    "Needs `pip install 'schoolpassport[ldap]'`.",
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
