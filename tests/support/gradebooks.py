"""Applications that write into gradebooks, by the door that production uses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from schoolpassport.gradebook import actions
from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners.contract import READING, WRITING
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from tests.support import wsgi
from tests.support.partners import HOUR, Integrated, integrated
from tests.support.plain_views import PlainView
from tests.support.readers import APPLICATION, CLASS, PUPIL, TERM, Reader, Reading, a_reader, ref

V1P1 = "/ims/oneroster/v1p1"
V1P2 = "/ims/oneroster/gradebook/v1p2"

Json = dict[str, Any]


@dataclass(frozen=True)
class Writer(Reader):
    def send(self, method: str, path: str, sent: object = None, **headers: str) -> Reading:
        body = sent if isinstance(sent, bytes | None) else json.dumps(sent).encode()
        told = {"Authorization": f"Bearer {self.token}"} | headers
        answer = wsgi.call(APPLICATION, path, method=method, body=body, **told)
        return Reading(answer.status, answer.headers, answer.body)

    def put(self, path: str, sent: object) -> Reading:
        return self.send("PUT", path, sent)

    def delete(self, path: str) -> Reading:
        return self.send("DELETE", path)


def writing(reader: Reader, *, scopes: frozenset[str] = READING | WRITING) -> Writer:
    """The same application with a token for writing."""
    now = clock.now()
    client = reader.integrated.client(now)
    new = partners.grant_token(client=client, asked=scopes, may=scopes, lifetime=HOUR, by="test", now=now)
    return Writer(reader.integrated, reader.view, new.token)


def a_writer(district_id: UUID, *, attributes: dict[str, list[str]] | None = None) -> Writer:
    """An application that may write."""
    reader = a_reader(district_id, attributes=attributes)
    integration = reader.integrated.integration.id
    actions.allow(district_id=district_id, integration_id=integration, by="test", now=clock.now())
    return writing(reader)


def task(name: str, class_: str = CLASS, **more: Any) -> Json:
    dates = {"assignDate": "2026-09-01T08:00:00.000Z", "dueDate": "2026-09-08T08:00:00.000Z"}
    refers = {"class": ref(class_), "gradingPeriod": ref(TERM)}
    whole = {"sourcedId": name, "title": "Task", **dates, **refers, "resultValueMin": 0.0, "resultValueMax": 10.0}
    return {"lineItem": whole | more}


def mark(name: str, item: str, student: str = PUPIL, **more: Any) -> Json:
    facts = {"scoreStatus": "fully graded", "score": 9.5, "scoreDate": "2026-09-09"}
    return {"result": {"sourcedId": name, "lineItem": ref(item), "student": ref(student), **facts} | more}


def agreed(district_id: UUID, *, schools: Sequence[UUID] | None = None, now: datetime | None = None) -> Writer:
    """An application that may write, with a consent over real rosters to all there is; it has no plain view."""
    now = now or clock.now()
    made = integrated(district_id, now)
    whole = catalogue.everything(kinds=tuple(SHARED))
    consent(made, Contents(attributes=whole, schools=schools))
    actions.allow(district_id=district_id, integration_id=made.integration.id, by="test", now=now)
    return writing(Reader(made, PlainView(district_id, made.integration.id, 0), ""))


def consent(made: Integrated, contents: Contents) -> None:
    sharing.agree(
        district_id=made.district_id,
        integration_id=made.integration.id,
        contents=contents,
        by="test",
        now=clock.now(),
    )
