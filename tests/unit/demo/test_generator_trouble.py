"""What trouble adds must be exactly what the facts say."""

from collections import Counter, defaultdict

import pytest

from schoolpassport.demo.generator import Size, add_cyclic_orgs, write_day
from tests.unit.demo.plain_reader import FILES, inspect, many, read

SIZES = {"small": Size.small(), "demo": Size.demo()}


@pytest.fixture(scope="module", params=[("small", 1), ("small", 2), ("small", 3), ("demo", 2)], ids=str)
def troubled(request, tmp_path_factory):
    name, day = request.param
    folder = tmp_path_factory.mktemp("troubled")
    facts = write_day(folder=folder, seed=11, size=SIZES[name], day=day)
    return facts, inspect(folder)


def test_the_rejected_rows_are_exactly_those_that_a_plain_reader_finds(troubled):
    facts, package = troubled
    said = [(row.file, row.source_id, row.column, row.reason.value) for row in facts.rejected]
    assert Counter(said) == Counter(package.findings)


def test_each_kind_of_error_is_there_as_often_as_promised(troubled):
    facts, _ = troubled
    kinds = Counter((row.file, row.reason.value) for row in facts.rejected)
    first, second = facts.day == 1, facts.day == 2
    assert kinds == {
        ("users", "missing_value"): 2 if first else 1,
        ("users", "bad_enumeration"): 1,
        ("users", "bad_boolean"): 2 if second else 1,
        ("users", "duplicate_id"): 2,
        ("enrollments", "dangling_reference"): 4 if first else 3,
        ("demographics", "bad_date"): 2 if first or second else 1,
        ("demographics", "dangling_reference"): 1,
    }


def test_rows_and_accepted_rows_are_counted_rightly(troubled):
    facts, package = troubled
    assert facts.rows == {file: len(package.rows[file]) for file in FILES}
    assert facts.accepted == {file: len(package.accepted(file)) for file in FILES}


def test_bad_rows_stay_under_two_in_a_hundred(troubled):
    facts, _ = troubled
    for file in FILES:
        assert facts.rows[file] - facts.accepted[file] < 0.02 * facts.rows[file]


def test_two_teachers_share_a_class_and_one_of_them_is_primary(troubled):
    facts, package = troubled
    teachers = defaultdict(list)
    for row in package.accepted("enrollments").values():
        if row["role"] == "teacher":
            teachers[row["classSourcedId"]].append((row["primary"], row["userSourcedId"]))
    shared = {class_: sorted(both, reverse=True) for class_, both in teachers.items() if len(both) > 1}
    assert shared == {c: [("true", primary), ("false", second)] for c, primary, second in facts.trouble.co_taught}
    assert len(shared) == 3


def test_pupils_at_two_schools_have_a_class_in_each(troubled):
    facts, package = troubled
    students = [user for user in package.accepted("users").values() if user["role"] == "student"]
    both = {user["sourcedId"]: set(many(user["orgSourcedIds"])) for user in students if "," in user["orgSourcedIds"]}
    attended = defaultdict(set)
    for row in package.accepted("enrollments").values():
        attended[row["userSourcedId"]].add(row["schoolSourcedId"])
    assert tuple(sorted(both)) == facts.trouble.at_two_schools
    assert len(both) == 2
    assert {student: attended[student] for student in both} == both


def test_staff_who_are_parents_have_two_records_and_one_name(troubled):
    facts, package = troubled
    users = package.accepted("users")
    agents = {agent for user in users.values() for agent in many(user["agentSourcedIds"])}
    assert len(facts.trouble.staff_parents) == 2
    for teacher, guardian in facts.trouble.staff_parents:
        assert users[teacher]["role"] == "teacher"
        assert users[guardian]["role"] in {"parent", "guardian", "relative"}
        assert guardian in agents
        for column in ("givenName", "familyName", "email"):
            assert users[teacher][column] == users[guardian][column] != ""


def test_emails_are_missing_and_shared_where_the_facts_say_and_nowhere_else(troubled):
    facts, package = troubled
    users = package.accepted("users")
    invented = {source_id for source_id in users if source_id.startswith("stu-99")}  # the repaired row has none either
    assert {u for u, row in users.items() if not row["email"]} - invented == set(facts.trouble.missing_emails)
    assert len(facts.trouble.missing_emails) == (6 if facts.day == 1 else 4)
    holders = defaultdict(list)
    for source_id, user in users.items():
        holders[user["email"]].append(source_id)
    same = {frozenset(both) for email, both in holders.items() if email and len(both) > 1}
    assert same == {frozenset(both) for both in (*facts.trouble.shared_emails, *facts.trouble.staff_parents)}
    assert len(facts.trouble.shared_emails) == 2


def test_twins_share_a_birthday_a_name_and_a_grade(troubled):
    facts, package = troubled
    users, demographics = package.accepted("users"), package.accepted("demographics")
    assert len(facts.trouble.twins) == 2
    for elder, younger in facts.trouble.twins:
        assert demographics[elder]["birthDate"] == demographics[younger]["birthDate"]
        for column in ("familyName", "grades", "orgSourcedIds", "agentSourcedIds"):
            assert users[elder][column] == users[younger][column]


def test_strange_names_are_written_as_they_are(troubled):
    facts, package = troubled
    users = package.accepted("users")
    long = {u for u, row in users.items() if len(row["familyName"]) == 300}
    formulas = {u for u, row in users.items() if (row["givenName"] + " ")[0] in "=-"}
    quoted = {u for u, row in users.items() if "," in row["familyName"] and '"' in row["givenName"]}
    assert (long, formulas, quoted) == (
        set(facts.trouble.long_names),
        set(facts.trouble.formula_names),
        set(facts.trouble.quoted_names),
    )
    assert (len(long), len(formulas), len(quoted)) == (1, 2, 1)


def test_orgs_that_are_each_others_parent_can_be_added(tmp_path):
    write_day(folder=tmp_path, seed=7, size=Size.small())
    rejected = add_cyclic_orgs(folder=tmp_path)
    orgs = {row["sourcedId"]: row["parentSourcedId"] for row in read(tmp_path, "orgs")}
    first, second = (row.source_id for row in rejected)
    assert (orgs[first], orgs[second]) == (second, first)
    assert {(row.column, row.reason.value) for row in rejected} == {("parentSourcedId", "cyclic_parent")}


@pytest.mark.parametrize(
    "size",
    [
        Size(schools=3, students=190, teachers=20, staff=6, guardians=100, classes=100, enrollments=1_400),
        Size(schools=3, students=300, teachers=20, staff=6, guardians=30, classes=100, enrollments=2_200),
        Size(schools=3, students=300, teachers=5, staff=6, guardians=100, classes=100, enrollments=2_200),
    ],
)
def test_trouble_is_refused_where_it_would_be_too_much_of_the_district(size, tmp_path):
    with pytest.raises(ValueError, match=r"under two rows|second teacher"):
        write_day(folder=tmp_path, seed=7, size=size)
