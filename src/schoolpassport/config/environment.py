"""Every setting there is: one table, read from the environment, documented by ``schoolpassport doctor``."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from schoolpassport.kit import egress, postgres, smtp


@dataclass(frozen=True)
class Setting:
    name: str
    default: str  # as it would stand in the environment; "" is unset
    meaning: str
    check: Callable[[str], str]  # "" when the value is fine, else what to do
    secret: bool = False


def _anything(_: str) -> str:
    return ""


def _number(low: int, high: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        fine = value.isascii() and value.isdigit() and low <= int(value) <= high
        return "" if fine else f"give a whole number from {low} to {high}"

    return check


def _postgres_url(value: str) -> str:
    if not value:
        return ""
    return "" if urlsplit(value).scheme in {"postgres", "postgresql"} else "give a URL like postgresql://user@host/db"


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    fine = not value or (parts.scheme in {"http", "https"} and parts.netloc and not parts.query and not parts.fragment)
    return "" if fine else "give an address like https://passport.example, without query or fragment"


def _networks(value: str) -> str:
    try:
        egress.Networks.parse(value)
    except ValueError as wrong:
        return str(wrong)
    return ""


def _ports(value: str) -> str:
    fine = all(p.isascii() and p.isdigit() and 0 < int(p) < 1 << 16 for p in value.replace(",", " ").split())
    return "" if fine else "give port numbers like 8444,2022"


def _host(value: str) -> str:
    fine = not value or re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", value)
    return "" if fine else "give a name like smtp.district.example, without port"


def _security(value: str) -> str:
    return "" if value in set(smtp.Security) else f"give one of: {', '.join(smtp.Security)}"


def _address(value: str) -> str:
    try:
        smtp.check_address(value or "passport@district.example")
    except smtp.BadAddress as wrong:
        return str(wrong)
    return ""


SETTINGS: tuple[Setting, ...] = (
    Setting("SCHOOLPASSPORT_DATA_DIR", "", "where the embedded database, keys and packages lie", _anything),
    Setting("DATABASE_URL", "", "a PostgreSQL 15 or newer; unset: the embedded one", _postgres_url, secret=True),
    Setting(
        "DATABASE_OWNER_URL",
        "",
        "for migrations only, when the owner logs in separately; unset: DATABASE_URL",
        _postgres_url,
        secret=True,
    ),
    Setting(
        "SCHOOLPASSPORT_KEY_FILE",
        "",
        "the master key of all secrets; unset: master.key in the data directory",
        _anything,
    ),
    Setting(
        "SCHOOLPASSPORT_PUBLIC_URL",
        "",
        "the address clients use, as seen in front of a proxy; unset: what each request says",
        _public_url,
    ),
    Setting("SCHOOLPASSPORT_TOKEN_SECONDS", "3600", "how long an access token lives", _number(60, 7200)),
    Setting(
        "SCHOOLPASSPORT_REQUESTS_PER_MINUTE",
        "3000",
        "how often an application may ask about a district, shared out among the processes of `serve`; 0: no limit",
        _number(0, 1_000_000),
    ),
    Setting(
        "SCHOOLPASSPORT_WRITES_PER_MINUTE",
        "1000",
        "how often it may write into the district's gradebooks, shared out in the same way; 0: no limit",
        _number(0, 1_000_000),
    ),
    Setting("SCHOOLPASSPORT_SYNC_MEMORY_MB", "400", "memory for the columns of one sync", _number(64, 1_000_000)),
    Setting(
        "SCHOOLPASSPORT_SYNC_THREADS",
        "2",
        "processor threads of one sync, of one of less than 8 MB one; and views that are published at once, up to 8",
        _number(1, 256),
    ),
    Setting(
        "SCHOOLPASSPORT_CACHE_MB", "64", "memory per server process for page boundaries and counts", _number(1, 100_000)
    ),
    Setting(
        "SCHOOLPASSPORT_ALLOW_NETWORKS",
        "",
        "networks of your own that sources may be fetched from, like 10.1.0.0/16; unset: the public internet only",
        _networks,
    ),
    Setting(
        "SCHOOLPASSPORT_PARTNER_NETWORKS",
        "",
        "networks of your own that webhooks may lead into when a partner set them; unset: the public internet only",
        _networks,
    ),
    Setting(
        "SCHOOLPASSPORT_ALLOW_PORTS",
        "",
        "ports that may be called on the public internet besides the usual ones of HTTPS, SFTP and LDAP",
        _ports,
    ),
    Setting(
        "SCHOOLPASSPORT_FOLDERS",
        "",
        "folders below which sources may read packages, separated by colons; unset: `landing` in the data directory",
        _anything,
    ),
    Setting("SCHOOLPASSPORT_MAIL_HOST", "", "the server that takes notices as mail; unset: no mail is sent", _host),
    Setting("SCHOOLPASSPORT_MAIL_PORT", "587", "its port", _number(1, 65535)),
    Setting(
        "SCHOOLPASSPORT_MAIL_SECURITY",
        "starttls",
        "`starttls`, `tls`, or `none` to a server on this machine; certificates are verified",
        _security,
    ),
    Setting("SCHOOLPASSPORT_MAIL_USER", "", "who logs in there; unset: nobody does", _anything),
    Setting("SCHOOLPASSPORT_MAIL_PASSWORD", "", "and by which word", _anything, secret=True),
    Setting("SCHOOLPASSPORT_MAIL_FROM", "", "the address that mail comes from; needed with a host", _address),
)


SERVER_PROCESSES = "SCHOOLPASSPORT_SERVER_PROCESSES"  # `serve` tells its processes how many they are


@dataclass(frozen=True)
class Environment:
    data_dir: Path
    database_url: str
    database_owner_url: str
    key_file: Path
    public_url: str
    token_seconds: int
    requests_per_minute: int  # of one server process
    writes_per_minute: int
    sync_memory_mb: int
    sync_threads: int
    cache_mb: int
    partner_egress: egress.Policy  # for addresses that partners name
    egress: egress.Policy
    folders: tuple[Path, ...]
    mail: smtp.Server | None  # the operator's own; no tenant names one


class BadSetting(ValueError):
    """A setting cannot be used; the message names it and says what to give."""


def problems(env: Mapping[str, str] = os.environ) -> list[str]:
    found = ((s, s.check(_value(s, env))) for s in SETTINGS)
    return [f"{setting.name}: {advice}" for setting, advice in found if advice] or _mail_problems(env)


def _mail_problems(env: Mapping[str, str]) -> list[str]:
    """What is wrong with settings that are fine each for itself."""
    server = _mail({s.name: _value(s, env) for s in SETTINGS})
    if server is None:
        return []
    if not server.sender:
        return ["SCHOOLPASSPORT_MAIL_FROM: give the address that mail comes from"]
    return [f"SCHOOLPASSPORT_MAIL_SECURITY: {server.problem}"] if server.problem else []


def _mail(value: Mapping[str, str]) -> smtp.Server | None:
    if not value["SCHOOLPASSPORT_MAIL_HOST"]:
        return None
    return smtp.Server(
        host=value["SCHOOLPASSPORT_MAIL_HOST"],
        port=int(value["SCHOOLPASSPORT_MAIL_PORT"]),
        security=smtp.Security(value["SCHOOLPASSPORT_MAIL_SECURITY"]),
        sender=value["SCHOOLPASSPORT_MAIL_FROM"],
        user=value["SCHOOLPASSPORT_MAIL_USER"],
        word=value["SCHOOLPASSPORT_MAIL_PASSWORD"],
    )


def read(env: Mapping[str, str] = os.environ) -> Environment:
    if wrong := problems(env):
        raise BadSetting("; ".join(wrong))
    value = {s.name: _value(s, env) for s in SETTINGS}
    data_dir = Path(value["SCHOOLPASSPORT_DATA_DIR"] or postgres.default_data_dir()).expanduser().resolve()
    folders = [folder for folder in value["SCHOOLPASSPORT_FOLDERS"].split(":") if folder]
    return Environment(
        data_dir=data_dir,
        database_url=value["DATABASE_URL"],
        database_owner_url=value["DATABASE_OWNER_URL"] or value["DATABASE_URL"],
        key_file=Path(value["SCHOOLPASSPORT_KEY_FILE"] or data_dir / "master.key"),
        public_url=value["SCHOOLPASSPORT_PUBLIC_URL"].rstrip("/"),
        token_seconds=int(value["SCHOOLPASSPORT_TOKEN_SECONDS"]),
        requests_per_minute=_share(int(value["SCHOOLPASSPORT_REQUESTS_PER_MINUTE"]), env),
        writes_per_minute=_share(int(value["SCHOOLPASSPORT_WRITES_PER_MINUTE"]), env),
        sync_memory_mb=int(value["SCHOOLPASSPORT_SYNC_MEMORY_MB"]),
        sync_threads=int(value["SCHOOLPASSPORT_SYNC_THREADS"]),
        cache_mb=int(value["SCHOOLPASSPORT_CACHE_MB"]),
        egress=egress.Policy(
            networks=egress.Networks.parse(value["SCHOOLPASSPORT_ALLOW_NETWORKS"]),
            more_ports=frozenset(map(int, value["SCHOOLPASSPORT_ALLOW_PORTS"].replace(",", " ").split())),
        ),
        partner_egress=egress.Policy(networks=egress.Networks.parse(value["SCHOOLPASSPORT_PARTNER_NETWORKS"])),
        folders=tuple(Path(folder).expanduser() for folder in folders) or (data_dir / "landing",),
        mail=_mail(value),
    )


def _share(limit: int, env: Mapping[str, str]) -> int:
    """What one of several server processes may allow."""
    return -(-limit // int(env.get(SERVER_PROCESSES, "1")))


def _value(setting: Setting, env: Mapping[str, str]) -> str:
    return env.get(setting.name, "") or setting.default
