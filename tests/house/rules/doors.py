"""A room is entered by its doors, so that everything behind them can change without anybody noticing."""

from tests.house.rules.shape import PACKAGE, Found, Rule, Source, file

DOORS = frozenset({"actions", "queries", "records", "contract", "models"})
ALSO = {  # what a room opens besides, each for a reason that its door plate gives
    "tenancy": {"scope", "rows"},
    "roster": {"kinds", "schools"},
    "sources": {
        "connectors",
        "schemas",
        "manifest",
        "mapped",
        "mapping",
        "packages",
        "proposing",
        "reading",
        "staging",
        "translation",
        "policies",
        "cleaning",
        "headers",
        "tables",
        "transforms",
    },
    "matching": {"decisions", "exact", "policies"},
    "quality": {"assessment", "inspection", "filtering", "policies"},
    "sync": {
        "schooling",
        "beforehand",
        "drafting",
        "migrating",
        "people",
        "policies",
        "preview",
        "rehearsal",
        "releasing",
        "schedules",
        "strangers",
        "timetable",
        "told",
    },
    "gradebook": {"saying"},
    "sharing": {
        "agreements",
        "asking",
        "attributes",
        "canonical",
        "catalogue",
        "changes",
        "contents",
        "disclosures",
        "exports",
        "lifecycle",
        "masks",
        "requirements",
        "sanity",
        "shield",
        "signatures",
    },
    "delivery": {"custom", "examples", "formats", "transports"},
}
OPEN_ROOMS = frozenset({"kit"})  # the ground: every tool is a door
ROOF = frozenset({"cli", "console", "config", "demo"})  # one floor, wired together; nothing below may import it
WIRED = {
    "wiring": "tasks",
    "urls": "urls",
    "wsgi": "wsgi",
}  # what a module of config may take from a room besides its doors


def find(source: Source) -> Found:
    for line, name in source.imports():
        package, room, module, thing = [*name.split("."), "", "", ""][:4]
        if package != PACKAGE or room == source.room or not module:
            continue
        private = [part for part in (room, module, thing) if part.startswith("_")]
        if private:
            yield line, f"{private[0]} is private to {room}"
        elif not _is_door(source, room, module):
            doors = ", ".join(sorted(DOORS | ALSO.get(room, set())))
            yield line, f"{module} is not a door of {room}; its doors are among {doors}"


def _is_door(source: Source, room: str, module: str) -> bool:
    wired = source.room == "config" and WIRED.get(source.inside) == module
    opened = module in DOORS or module in ALSO.get(room, ()) or room in OPEN_ROOMS
    return wired or opened or {room, source.room} <= ROOF


RULE = Rule(
    name="doors",
    says="enter another room by its actions, queries, records, contract or models",
    find=find,
    bad=(
        file("sharing/queries.py", "from schoolpassport.roster.merging import survivors"),
        file("sharing/queries.py", "from schoolpassport.roster import merging"),
        file("sharing/queries.py", "import schoolpassport.roster.merging"),
        file("sharing/queries.py", "from schoolpassport.roster import schemas"),
        file("sharing/queries.py", "from schoolpassport.roster.queries import _as_of"),
        file("rosterapi/views.py", "from schoolpassport.kit import _private"),
        file("rosterapi/views.py", "from schoolpassport.partners._vault import vault"),
        file("sharing/actions.py", "def late():\n    from schoolpassport.sync.tasks import walk"),
        file("cli/main.py", "from schoolpassport.sync.tasks import walk"),
        file("config/startup.py", "from schoolpassport.sync.tasks import walk"),
        file("sharing/actions.py", "from schoolpassport.config.environment import read"),
    ),
    good=(
        file("sharing/queries.py", "from schoolpassport.roster import kinds, queries"),
        file("sharing/queries.py", "from schoolpassport.roster.kinds.user import KIND"),
        file("sharing/queries.py", "from schoolpassport.kit.ids import new_id"),
        file("sharing/queries.py", "from schoolpassport.sharing._rows import at"),
        file("sharing/queries.py", "from schoolpassport.sharing import projection"),
        file("config/wiring.py", "from schoolpassport.sync import tasks"),
        file("config/urls.py", "from schoolpassport.rosterapi import urls"),
        file("config/wsgi.py", "from schoolpassport.rosterapi import wsgi"),
        file("cli/main.py", "from schoolpassport.demo.generator import write"),
        file("cli/main.py", "from schoolpassport.config import startup"),
        file("cli/main.py", "from schoolpassport import __version__"),
    ),
)
