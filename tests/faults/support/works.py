"""Pieces of work that a child process does: the product's own walk, and one that does it wrong on purpose."""

import csv
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from schoolpassport.kit import smtp
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.killpoint import reach
from schoolpassport.messaging import actions as messaging
from schoolpassport.sync import actions
from schoolpassport.tenancy import scope
from schoolpassport.webhooks import actions as webhooks
from tests.support.clockwork import set_clock


def walk(*, district_id: str, run_id: str, now: str = "") -> str:
    """`now`: the time by which it is walked, where it is not ours."""
    if now:
        set_clock(datetime.fromisoformat(now))
    return str(actions.walk(district_id=UUID(district_id), run_id=UUID(run_id)).state)


def tell(*, district_id: str, message_id: str, now: str) -> str:
    """One attempt to send a message to a receiver on this machine."""
    here = Policy(networks=Networks.parse("127.0.0.0/8"))
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, egress=here)
    webhooks.send(district_id=UUID(district_id), message_id=UUID(message_id), now=datetime.fromisoformat(now))
    return "done"


def mail(*, organisation_id: str, letter_id: str, port: str, now: str) -> str:
    """One attempt to hand a letter over to a mail server on this machine."""
    here = smtp.Server(host="127.0.0.1", port=int(port), security=smtp.Security.NONE, sender="passport@house.example")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, mail=here)
    messaging.send(organisation_id=UUID(organisation_id), letter_id=UUID(letter_id), now=datetime.fromisoformat(now))
    return "done"


def naive(*, district_id: str, folder: str) -> str:
    """An importer as they are written at first: row by row, each row committed as it comes.

    Users' given names only; whoever is told gets a new version in the roster and in every view of the district.
    """
    with (Path(folder) / "users.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            with scope.inside(UUID(district_id)), transaction.atomic():
                _take(district_id, row["sourcedId"], row["givenName"])
            reach("naive.row")
            time.sleep(0.02)  # such importers take their time
    return "done"


def _take(district_id: str, key: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE roster_user r SET given_name = %s FROM roster_link l WHERE l.key = %s AND l.kind = 'user' "
            "AND l.district_id = %s AND r.district_id = l.district_id AND r.id = l.record_id AND r.rev_to = 2147483647",
            [name, key, district_id],
        )
        cursor.execute(
            "UPDATE sharing_view SET last_seq = last_seq + 1, revision = revision + 1 WHERE district_id = %s",
            [district_id],
        )
        cursor.execute(
            "UPDATE sharing_user v SET rev_to = w.revision FROM roster_link l, sharing_view w WHERE l.key = %s AND "
            "l.kind = 'user' AND l.district_id = %s AND v.district_id = l.district_id AND v.id = l.record_id "
            "AND w.district_id = v.district_id AND v.view = w.number AND v.rev_to = 2147483647",
            [key, district_id],
        )
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'sharing_user'::regclass "
            "AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        )
        (columns,) = cursor.fetchone()
        cursor.execute(
            f"INSERT INTO sharing_user ({columns}) SELECT {columns} FROM (SELECT (jsonb_populate_record(v, "
            "jsonb_build_object('rev_from', w.revision, "
            "'rev_to', 2147483647, 'seq', w.last_seq, 'change', 'u', 'given_name', %s::text, 'doc', "
            'regexp_replace(v.doc, \'"givenName":"[^"]*"\', \'"givenName":"\' || %s || \'"\')))).* '
            "FROM sharing_user v JOIN sharing_view w ON w.district_id = v.district_id AND w.number = v.view "
            "JOIN roster_link l ON l.record_id = v.id AND l.district_id = v.district_id AND l.kind = 'user' "
            "WHERE l.key = %s AND v.rev_to = w.revision) made",
            [name, name, key],
        )
        cursor.execute(
            "INSERT INTO sharing_viewrevision (district_id, view, number, at, roster_revision, seq_from, seq_to) "
            "SELECT district_id, number, revision, clock_timestamp(), roster_revision, last_seq - 1, last_seq "
            "FROM sharing_view WHERE district_id = %s",
            [district_id],
        )
