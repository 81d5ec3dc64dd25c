"""Clause 1.5, status and dateLastModified, over three nights; and pulls that do not drift when a night falls."""

import re

import pytest

from tests.conformance.oneroster_v1p1 import providers, truth, wire

NEW_USER = "stu.6,,,true,s1,student,n.new,,Nia,New,,,,,,,09,,,\n"
NEW_ENROLLMENT = "e15,,,k1,s1,stu.6,student,,2025-09-01,,\n"
NEW_ORG = "m2,,,Music,department,MU-S2,s2,\n"


def without(*keys):
    """Drop the rows of these ids."""
    return lambda text: re.sub(rf"(?m)^({'|'.join(map(re.escape, keys))}),.*\n", "", text)


def second_night(text):
    return without("stu.5")(text).replace("r.dangelo,", "r.deangelo,") + NEW_USER


def third_night(text):
    return text.replace("r.dangelo,", "r.deangelo,") + NEW_USER


NIGHTS = (
    {
        "users.csv": second_night,
        "enrollments.csv": lambda text: without("e14", "e4")(text) + NEW_ENROLLMENT,
        "orgs.csv": lambda text: text + NEW_ORG,
    },
    {
        "users.csv": third_night,
        "enrollments.csv": lambda text: without("e4")(text) + NEW_ENROLLMENT,
        "orgs.csv": lambda text: text + NEW_ORG,
    },
)


class Nights:
    """What an application saw on each morning, and what it saw when it was interrupted between the first two."""

    def __init__(self, provider, folder):
        self.provider = provider
        self.mornings = [self._morning()]
        walker, stepper = provider.new_token(), provider.new_token()
        address = f"{provider.base}/users?limit=4"
        page = wire.call(address, headers=wire.bearer(walker))
        self.walked = page.json["users"]
        self.stepped = wire.call(address, headers=wire.bearer(stepper)).json["users"]
        # What a night no longer brings goes on that night: here it is about how applications learn of it.
        limits = providers.run("district", "limits", "--witnesses", "1", data_dir=provider.data_dir)
        assert limits.returncode == 0, limits.stdout + limits.stderr
        for number, edits in enumerate(NIGHTS, start=2):
            package = providers.zip_small_district(folder / f"night-{number}.zip", edits)
            done = providers.run("sync", "run", str(package), data_dir=provider.data_dir)
            assert done.returncode == 0, done.stdout + done.stderr
            if number == 2:
                while "next" in page.links:
                    page = wire.call(page.links["next"], headers=wire.bearer(walker))
                    self.walked += page.json["users"]
                while rest := self._step(stepper, len(self.stepped)):
                    self.stepped += rest
                self.classes = self._relations(provider.new_token())
            self.mornings.append(self._morning())

    def _step(self, token, offset):
        address = f"{self.provider.base}/users?limit=4&offset={offset}"
        return wire.call(address, headers=wire.bearer(token)).json["users"]

    def _morning(self):
        token = self.provider.new_token()
        seen = {}
        for name in truth.COLLECTIONS:
            answer = wire.call(f"{self.provider.base}/{name}?limit=1000", headers=wire.bearer(token))
            documents = answer.json[name]
            assert answer.total == len(documents)
            if name != "demographics":
                seen[name] = {each["metadata"]["gg4l.sisId"]: each for each in documents}
                assert len(seen[name]) == len(documents)
        return seen

    def _relations(self, token):
        ids = self.mornings[0]
        found = {}
        for key in ("k1", "k3"):
            address = f"{self.provider.base}/classes/{ids['classes'][key]['sourcedId']}/students"
            users = wire.call(address, headers=wire.bearer(token)).json["users"]
            found[key] = sorted(each["metadata"]["gg4l.sisId"] for each in users)
        return found

    def times(self, morning, collection):
        return {key: each["dateLastModified"] for key, each in self.mornings[morning][collection].items()}

    def moved(self, earlier, later, collection):
        """The ids whose record is new or has a new time, and nobody's time went back."""
        before, after = self.times(earlier, collection), self.times(later, collection)
        assert not [key for key in before if after[key] < before[key]]
        return sorted(key for key in after if before.get(key) != after[key])


@pytest.fixture(scope="module")
def nights():
    with providers.open_folder() as folder:
        package = providers.zip_small_district(folder / "night-1.zip")
        with providers.running(package, folder) as provider:
            yield Nights(provider, folder)


def statuses(morning, collection):
    return {key: each["status"] for key, each in morning[collection].items() if each["status"] != "active"}


def test_everything_is_active_on_the_first_morning(nights):
    assert [statuses(nights.mornings[0], name) for name in nights.mornings[0]] == [{}] * 6


def test_what_a_full_package_no_longer_holds_is_to_be_deleted_and_still_listed(nights):
    second = nights.mornings[1]
    assert statuses(second, "users") == {"stu.5": "tobedeleted"}
    assert statuses(second, "enrollments") == {"e4": "tobedeleted", "e14": "tobedeleted"}
    for name in ("orgs", "courses", "classes", "academicSessions"):
        assert statuses(second, name) == {}


def test_the_time_moves_exactly_for_what_changed(nights):
    assert nights.moved(0, 1, "users") == ["stu.1", "stu.5", "stu.6"]
    assert nights.moved(0, 1, "enrollments") == ["e14", "e15", "e4"]
    for name in ("courses", "classes", "academicSessions"):
        assert nights.moved(0, 1, name) == []


def test_the_time_moves_when_only_a_derived_list_changed(nights):
    """A school that gets a department has another child; whoever asks for what is new must learn it."""
    children = [each["type"] for each in nights.mornings[1]["orgs"]["s2"]["children"]]
    assert children == ["org"]
    assert nights.moved(0, 1, "orgs") == ["m2", "s2"]


def test_what_returns_is_active_again_under_the_same_gg4l_id(nights):
    first, second, third = nights.mornings
    assert statuses(third, "users") == {}
    assert statuses(third, "enrollments") == {"e4": "tobedeleted"}
    ids = {morning["users"]["stu.5"]["sourcedId"] for morning in nights.mornings}
    assert len(ids) == 1
    assert nights.moved(1, 2, "users") == ["stu.5"]
    assert nights.moved(1, 2, "enrollments") == ["e14"]
    same = truth.comparable(first["users"]["stu.5"])
    assert truth.comparable(third["users"]["stu.5"]) == same
    assert truth.comparable(second["users"]["stu.5"]) == same | {"status": "tobedeleted"}


def test_a_changed_record_keeps_its_gg4l_id(nights):
    before, after = (morning["users"]["stu.1"] for morning in nights.mornings[:2])
    assert (before["username"], after["username"]) == ("r.dangelo", "r.deangelo")
    assert before["sourcedId"] == after["sourcedId"]
    assert {key: each["sourcedId"] for key, each in nights.mornings[0]["classes"].items()} == {
        key: each["sourcedId"] for key, each in nights.mornings[2]["classes"].items()
    }


def test_a_delta_by_date_last_modified_brings_exactly_the_last_night(nights):
    for name, expected in (("users", ["stu.5"]), ("enrollments", ["e14"]), ("orgs", []), ("classes", [])):
        latest = max(nights.times(1, name).values())
        answer = nights.provider.get(f"/{name}", filter=f"dateLastModified>'{latest}'")
        assert sorted(each["metadata"]["gg4l.sisId"] for each in answer.json[name]) == expected


def test_deleted_records_can_be_filtered_away_and_filtered_for(nights):
    active = nights.provider.get("/enrollments", filter="status='active'")
    assert active.total == 14
    gone = nights.provider.get("/enrollments", filter="status='tobedeleted'")
    assert [each["metadata"]["gg4l.sisId"] for each in gone.json["enrollments"]] == ["e4"]


def test_a_deleted_enrollment_takes_its_pupil_out_of_the_class(nights):
    assert nights.classes == {"k1": ["stu.1", "stu.6"], "k3": ["stu.1", "stu.3"]}


def test_a_deleted_record_is_still_found_by_its_id(nights):
    """Or is 404, says the reference; a tombstone that is listed should be found."""
    deleted = nights.mornings[2]["enrollments"]["e4"]
    answer = nights.provider.get(f"/enrollments/{deleted['sourcedId']}")
    assert (answer.status, answer.json) == (200, {"enrollment": deleted})


@pytest.mark.parametrize("way", ["walked", "stepped"])
def test_a_pull_interrupted_by_a_night_sees_the_roster_it_began_with(nights, way):
    """Following links, or stepping by offset with the same token."""
    served = {each["metadata"]["gg4l.sisId"]: each for each in getattr(nights, way)}
    assert len(served) == len(getattr(nights, way))
    assert served == nights.mornings[0]["users"]


def test_the_same_package_again_changes_nothing(nights):
    package = nights.provider.data_dir.parent / "night-3.zip"
    before = {name: nights.provider.get(f"/{name}", limit=1000).json for name in truth.COLLECTIONS}
    done = providers.run("sync", "run", str(package), data_dir=nights.provider.data_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    token = nights.provider.new_token()
    for name, seen in before.items():
        address = f"{nights.provider.base}/{name}?limit=1000"
        assert wire.call(address, headers=wire.bearer(token)).json == seen
