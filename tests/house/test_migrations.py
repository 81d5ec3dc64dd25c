"""The tables are what the models say."""

import os
import subprocess
import sys

from schoolpassport.config import startup


def manage(database, *arguments):
    """Django's management commands, as the owner: the one who may change tables."""
    environment = {**os.environ, startup.RUNTIME_URL: database.owner_url, "SCHOOLPASSPORT_AS_OWNER": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-m", "django", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_no_model_is_ahead_of_its_migrations(database):
    done = manage(database, "makemigrations", "--check", "--dry-run")
    assert (done.returncode, done.stdout.strip()) == (0, "No changes detected"), done.stderr


def test_every_migration_has_run(database):
    done = manage(database, "migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_django_finds_nothing_wrong_with_models_and_settings(database):
    done = manage(database, "check", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_ahead_of_its_migrations_is_found(database, tmp_path, monkeypatch):
    """The control: an application whose model nobody wrote a migration for."""
    room = tmp_path / "shed"
    (room / "migrations").mkdir(parents=True)
    (room / "migrations" / "__init__.py").touch()
    (room / "__init__.py").touch()
    (room / "models.py").write_text(
        "from django.db import models\n\nclass Tool(models.Model):\n    name = models.TextField()\n"
    )
    (tmp_path / "with_shed.py").write_text(
        "from schoolpassport.config.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'shed']\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "with_shed")
    done = manage(database, "makemigrations", "--check", "--dry-run")
    assert done.returncode == 1, done.stderr
    assert "Create model Tool" in done.stdout
