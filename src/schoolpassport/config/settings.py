"""Django's settings, all derived from ``config.environment``. Nothing is read from anywhere else."""

import os
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from schoolpassport.config import environment
from schoolpassport.kit import postgres

ENVIRONMENT = environment.read()
_OWNER = os.environ.get("SCHOOLPASSPORT_AS_OWNER") == "1"  # set for the migrating child process only


def _database() -> dict[str, Any]:
    """The runtime role's connection; a login of another name steps down to it at once.

    Dates must come as ISO has them, whatever the server's own style is: drivers read no other, and documents show them.
    """
    parts = conninfo_to_dict(os.environ.get("SCHOOLPASSPORT_RUNTIME_URL", "") or ENVIRONMENT.database_url)
    options = {k: v for k, v in parts.items() if k not in {"dbname", "user", "password", "host", "port"}}
    role = "" if _OWNER or parts.get("user") == postgres.RUNTIME else f"-c role={postgres.RUNTIME}"
    options["options"] = " ".join(filter(None, [str(options.get("options", "")), "-c datestyle=ISO", role]))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", ""),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": _database()}
INSTALLED_APPS = [
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    "schoolpassport.tenancy",
    "schoolpassport.audit",
    "schoolpassport.messaging",
    "schoolpassport.roster",
    "schoolpassport.sources",
    "schoolpassport.quality",
    "schoolpassport.matching",
    "schoolpassport.partners",
    "schoolpassport.gradebook",
    "schoolpassport.sync",
    "schoolpassport.sharing",
    "schoolpassport.webhooks",
    "schoolpassport.delivery",
    "schoolpassport.config",
]
ROOT_URLCONF = "schoolpassport.config.urls"
WSGI_APPLICATION = "schoolpassport.config.wsgi.application"
MIDDLEWARE: list[str] = []  # the API needs none; pages bring theirs
SECRET_KEY = "unused: no session, form or signature of Django's is in use yet"  # noqa: S105 (no secret)
ALLOWED_HOSTS = ["*"]  # addresses in answers come from SCHOOLPASSPORT_PUBLIC_URL; see rosterapi.base_url
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"django.request": {"level": "ERROR"}},  # an unknown address may hold anything
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
