"""What the product asks of the database, whatever the server is used to."""

import os
import subprocess
import sys

from schoolpassport.config import startup

LOOK = """
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('datestyle'), current_user, current_setting('timezone'), now()")
    print(*cursor.fetchone()[:3], sep="; ")
"""


def seen(url: str) -> str:
    environment = {**os.environ, startup.RUNTIME_URL: url}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_dates_are_read_as_iso_has_them_from_a_server_of_another_style(database):
    style = "options=-c%20datestyle%3DSQL%2CDMY%20-c%20timezone%3DAmerica/Denver"
    assert seen(f"{database.runtime_url}&{style}") == "ISO, DMY; schoolpassport_runtime; UTC"


def test_another_login_steps_down_to_the_runtime_role(database):
    assert seen(database.superuser_url) == "ISO, MDY; schoolpassport_runtime; UTC"
