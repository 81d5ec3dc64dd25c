"""``schoolpassport``: the one entry point."""

import importlib
import pkgutil
import signal
import sys
from types import FrameType

import click

from schoolpassport.cli import commands
from schoolpassport.config import startup
from schoolpassport.config.environment import BadSetting
from schoolpassport.kit.naming import BadName
from schoolpassport.kit.postgres import EmbeddedPostgresError

# These look after the database themselves: one stops it, one brings its own, one must work when there is none.
_BY_THEMSELVES = frozenset({"database", "demo", "doctor"})
_WITHOUT_DATABASE = (["receipts", "verify"], ["manifest", "verify"])  # for whoever has never run School Passport, too


class _Commands(click.Group):
    """Commands are found in their folder and imported when they are asked for, with the database up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(m.name for m in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        if _only_help() or sys.argv[1:3] in _WITHOUT_DATABASE:
            startup.set_up_django()
        elif cmd_name not in _BY_THEMSELVES:
            startup.prepare()
        found: click.Command = importlib.import_module(f"{commands.__name__}.{cmd_name}").command
        return found


def _only_help() -> bool:
    return len(sys.argv) == 1 or bool({"-h", "--help"} & set(sys.argv))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="schoolpassport")
def cli() -> None:
    """School Passport: rosters in once, each application gets exactly what each district agreed to share.

    Begin with `schoolpassport demo`: a believable district, two nights, one application, a working API.
    """


def main() -> None:
    """Run a command; what a person can mend becomes one sentence, not a traceback."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        cli()
    except (BadSetting, startup.DatabaseUnfit, EmbeddedPostgresError, BadName) as problem:
        click.echo(f"schoolpassport: {problem}", err=True)
        sys.exit(2)


def _leave(number: int, frame: FrameType | None) -> None:
    """A polite stop runs the clean-up like any other end."""
    del number, frame
    sys.exit(0)


if __name__ == "__main__":
    main()
