"""``schoolpassport doctor``: what is in force, and what is wrong."""

import os
import shutil

import click

from schoolpassport.cli import show
from schoolpassport.config import environment, startup
from schoolpassport.kit import postgres

_LEAST_FREE = 500 * 1024**2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def command(*, as_json: bool) -> None:
    """Print every setting with the value in force, check the database, and say what is wrong and what to do.

    Ends with 1 when something is wrong.
    """
    wrong = environment.problems()
    settings = [(s.name, _shown(s), s.meaning) for s in environment.SETTINGS]
    facts: list[tuple[str, object]] = []
    if not wrong:
        facts, found = _examine()
        wrong += found
    if as_json:
        show.as_json({"settings": {n: v for n, v, _ in settings}, "facts": dict(facts), "problems": wrong})
    else:
        show.table(("setting", "in force", "meaning"), settings)
        click.echo()
        show.table(("fact", "value"), facts)
        for problem in wrong:
            click.secho(f"wrong: {problem}", fg="red")
        if not wrong:
            click.secho("Nothing is wrong.", fg="green")
    if wrong:
        raise click.exceptions.Exit(1)


def _shown(setting: environment.Setting) -> str:
    given = os.environ.get(setting.name, "")
    if setting.secret and given:
        return "(set)"
    if given:
        return given
    if setting.name == "SCHOOLPASSPORT_DATA_DIR":
        return f"{postgres.default_data_dir()} (default)"
    return f"{setting.default or '(unset)'} (default)" if setting.default else "(unset)"


def _examine() -> tuple[list[tuple[str, object]], list[str]]:
    server = startup.prepare()
    from django.db import connection  # noqa: PLC0415 (not before Django is set up)

    from schoolpassport.tenancy import queries  # noqa: PLC0415 (not before Django is set up)

    wrong = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_user, session_user, "
            "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user), "
            "(SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user), "
            "pg_database_size(current_database())"
        )
        version, user, login, mighty, owned, size = cursor.fetchone()
    if mighty:
        wrong.append(f"The role {user} may bypass row-level security; use a role that may not.")
    if owned:
        wrong.append(f"The role {user} owns {owned} tables; the runtime role must own none.")
    if login != user and not server:
        wrong_login = f"connections log in as {login} and step down to {user}; a login of its own is safer"
    else:
        wrong_login = ""
    env = environment.read()
    env.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(env.data_dir).free
    if free < _LEAST_FREE:
        wrong.append(f"Only {free // 1024**2} MB are free at {env.data_dir}; runs need room for their packages.")
    facts: list[tuple[str, object]] = [
        ("database", f"PostgreSQL {version}" + (" (embedded)" if server else "")),
        ("runs as", user + (f" ({wrong_login})" if wrong_login else "")),
        ("size of the database", f"{size // 1024**2:,} MB"),
        ("free disk", f"{free // 1024**2:,} MB"),
        ("districts", len(queries.districts())),
    ]
    if server:
        facts.append(("logs of the database", server.log_dir))
    return facts, wrong
