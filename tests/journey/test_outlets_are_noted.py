"""Whatever an application reads, by whichever outlet, stands in the ledger of readings."""

from collections import Counter

from schoolpassport.sharing.models import Reading
from schoolpassport.tenancy import scope
from tests.support.readers import CLASS, LITTLE, PARENT, PUPIL, Reader, a_reader
from tests.support.readers import SCHOOL as SCHOOL_ID

STUDENTS = "/datahub/services/v1/students"


def noted(app: Reader) -> Counter[tuple[str, str, bool]]:
    """Records by outlet, kind, and whether it was a part."""
    with scope.inside(app.view.district_id):
        lines = Reading.objects.filter(integration_id=app.view.integration_id)
        return Counter({(line.outlet, line.kind, line.part): line.records for line in lines})


def test_every_outlet_writes_down_what_it_tells(district):
    app = a_reader(district.id)
    app.view.publish(LITTLE)
    for path in (
        "/v3.0/users?limit=10",
        "/v3.0/sections",
        "/v3.1/events?record_type=terms",
        f"{STUDENTS}?limit=10",
        f"/datahub/services/v1/schools/{SCHOOL_ID}/teachers",
        f"/datahub/services/v1/contacts/{PARENT}",
        f"/ims/oneroster/rostering/v1p2/users/{PUPIL}",
        f"/ims/oneroster/rostering/v1p2/classes/{CLASS}/students",
        "/ims/oneroster/v1p1/events?collections=demographics",
        "/datahub/services/view/changes?collections=courses",
        "/datahub/services/view/export?collections=enrollments",
    ):
        assert app.get(path).status == 200, path
    assert app.post("/datahub/services/view/reconcile?collection=orgs", b"").status == 200
    found = noted(app)
    assert {
        ("clever", "user", True),
        ("clever", "demographics", True),
        ("clever", "enrollment", True),
        ("clever", "class", True),
        ("clever", "academicSession", True),
        ("data-api", "user", False),
        ("oneroster-1.1", "demographics", True),
        ("oneroster-1.2", "user", True),
        ("changes", "course", True),
        ("export", "enrollment", True),
        ("reconcile", "org", True),
    } <= set(found)
    assert found["changes", "course", True] == 1
    assert found["reconcile", "org", True] == len(LITTLE["org"])
    assert found["export", "enrollment", True] == len(LITTLE["enrollment"])


def test_a_list_whose_whole_is_known_is_noted_as_a_walk_through_it(district):
    app = a_reader(district.id)
    app.view.publish(LITTLE)
    path = f"{STUDENTS}?limit=1"
    while path:
        page = app.json(path)
        following = [link["uri"] for link in page["links"] if link["rel"] == "next"]
        path = f"/datahub/services{following[0]}" if following else ""
    with scope.inside(app.view.district_id):
        (line,) = Reading.objects.filter(integration_id=app.view.integration_id, kind="user", part=False)
    assert (line.outlet, line.subset, line.total, line.records) == ("data-api", "student", 2, 2)
