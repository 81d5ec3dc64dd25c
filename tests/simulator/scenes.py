"""Short histories, each about one promise. The product passes them; a bug planted in it must not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from schoolpassport.sharing import catalogue
from tests.simulator import exporter, troubles
from tests.simulator.directory import FAULTS as DIRECTORY_FAULTS
from tests.simulator.directory import Account, Directory
from tests.simulator.exporter import FAULTS, Export, export, without_people
from tests.simulator.oracle import KINDS, Calendar
from tests.simulator.stage import Stage
from tests.simulator.world import Person
from tests.support.projection import Terms

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}
WORLDS: dict[str, str] = {}  # of which scenes are played in another world than that of one source


def scene(made: Scene) -> Scene:
    SCENES[made.__name__] = made
    return made


def scene_beside(world: str) -> Callable[[Scene], Scene]:
    """One of a world with a `directory`, or with `apps`."""

    def put(made: Scene) -> Scene:
        WORLDS[made.__name__] = world
        return scene(made)

    return put


def pupil(stage: Stage, number: int = 0, *, school: str = "s1") -> Person:
    return [p for p in stage.world.present("student") if p.school == school][number]


def another(stage: Stage) -> Export:
    """The same district by another package: somebody has another address."""
    stage.world.mail()
    return stage.export()


@scene
def a_pupil_leaves_and_is_back(stage: Stage) -> None:
    child = pupil(stage)
    stage.world._leave(child)
    stage.night(stage.export())
    stage.night(another(stage))
    child.there = True
    stage.world._seat(child)
    stage.night(stage.export())


@scene
def a_pupil_is_missing_for_a_night_and_later_again(stage: Stage) -> None:
    child = pupil(stage)
    whole, lacking = stage.world.rows(), without_people(stage.world.rows(), {child.key})
    for rows, style in ((lacking, 1), (whole, 2), (lacking, 3)):
        stage.night(export(rows, exporter.Style(order=style)))


@scene
def the_same_package_again_after_another(stage: Stage) -> None:
    """In between, a package that does not speak of people."""
    rows = stage.world.rows()
    lacking = export(without_people(rows, {pupil(stage).key}))
    stage.night(lacking)
    stage.world.rename()
    stage.night(export({"orgs": stage.world.rows()["orgs"]}))
    stage.night(lacking)


@scene
def everybody_is_told_in_another_order(stage: Stage) -> None:
    stage.night(stage.export(exporter.Style(order=7, quoted=True, bom=True, crlf=True, stamped=True)))
    stage.world.mail()
    stage.world.marriage()
    stage.night(stage.export(exporter.Style(order=8)))


@scene
def a_bus_full_leaves(stage: Stage) -> None:
    """Ten pupils of one school, and then a little more each night."""
    keys = [pupil(stage, n).key for n in range(16)]
    for night, gone in enumerate((10, 10, 13, 16, 16)):
        stage.night(export(without_people(stage.world.rows(), set(keys[:gone])), exporter.Style(order=night + 1)))
    stage.night(another(stage))


@scene
def ten_pupils_are_missing_and_one_seat(stage: Stage) -> None:
    """Nobody would ask about the seat, but it is bound to a pupil of whom somebody is asked."""
    rows, keys = stage.world.rows(), {pupil(stage, n).key for n in range(10)}
    seat = next(r for r in rows["enrollments"] if r["userSourcedId"] in keys)
    lacking = rows | {
        "users": [r for r in rows["users"] if r["sourcedId"] not in keys],
        "enrollments": [r for r in rows["enrollments"] if r is not seat],
    }
    for style in (1, 2):
        stage.night(export(lacking, exporter.Style(order=style)))


@scene
def some_rows_are_cut_off_and_come_back_by_and_by(stage: Stage) -> None:
    """Seven in a hundred, and of no school too many; then fewer than anybody would ask about."""
    rows = stage.world.rows()
    keys = [row["sourcedId"] for row in rows["users"] if row["role"] == "guardian"]
    for night, gone in enumerate((33, 33, 12, 12)):
        stage.night(export(without_people(rows, set(keys[:gone])), exporter.Style(order=night + 1)))
    stage.night(another(stage))


@scene
def most_rows_are_cut_off(stage: Stage) -> None:
    rows = stage.world.rows()
    stage.night(export(rows | {"enrollments": rows["enrollments"][:400]}))
    stage.night(another(stage))


@scene
def a_school_is_not_selected(stage: Stage) -> None:
    for style in (3, 4):
        stage.night(FAULTS["a_school_is_missing"](stage.export(exporter.Style(order=style)), stage.dice(1)))
    stage.release()
    stage.night(another(stage))


@scene
def what_is_held_is_kept(stage: Stage) -> None:
    for style in (3, 4):
        stage.night(FAULTS["a_grade_is_missing"](stage.export(exporter.Style(order=style)), stage.dice(1)))
    stage.keep()
    stage.night(FAULTS["a_grade_is_missing"](stage.export(exporter.Style(order=5)), stage.dice(1)))


@scene
def only_what_changed_is_told(stage: Stage) -> None:
    stage.world.mail()
    stage.world._leave(pupil(stage))
    stage.night(exporter.delta(stage.world.rows(), stage.taken))
    stage.night(stage.export())


@scene
def files_that_are_not_there(stage: Stage) -> None:
    for name, number in (("no_file", 1), ("said_to_be_absent", 1), ("no_rows", 2)):
        stage.night(FAULTS[name](another(stage), stage.dice(number)))


@scene
def files_that_cannot_be_read(stage: Stage) -> None:
    for name in ("other_encoding", "upper_case_headers", "half_a_zip_file"):
        stage.night(FAULTS[name](another(stage), stage.dice(1)))


@scene
def a_file_is_torn_after_a_pupil_left(stage: Stage) -> None:
    stage.world._leave(pupil(stage))
    stage.night(stage.export())
    stage.night(FAULTS["cut_in_a_row"](another(stage), stage.dice(3)))


@scene
def a_row_without_an_id(stage: Stage) -> None:
    """It could be anybody's: nobody of the kind goes that night."""
    rows = stage.world.rows()
    key = pupil(stage).key
    nameless = [{**r, "sourcedId": ""} if r["sourcedId"] == key else r for r in rows["users"]]
    for style in (1, 2):
        stage.night(export(rows | {"users": nameless}, exporter.Style(order=style)))


@scene
def one_id_stands_twice(stage: Stage) -> None:
    stage.night(FAULTS["twice_the_same_id"](stage.export(), stage.dice(1)))
    stage.night(another(stage))


@scene
def ids_that_differ_in_case_only(stage: Stage) -> None:
    stage.world.newcomer()
    child = stage.world.people[-1 if stage.world.people[-1].role == "student" else -2]
    child.key = pupil(stage).key.upper()
    stage.night(stage.export())
    stage.night(another(stage))


@scene
def too_much_of_everything(stage: Stage) -> None:
    for name in ("ten_times_the_rows", "roles_nobody_knows"):
        stage.night(FAULTS[name](stage.export(), stage.dice(1)))


@scene
def a_guardian_goes_whom_a_pupil_still_names(stage: Stage) -> None:
    child = next(p for p in stage.world.present("student") if p.guardian)
    assert child.guardian is not None
    key, rows = child.guardian.key, stage.world.rows()
    lacking = rows | {"users": [r for r in rows["users"] if r["sourcedId"] != key]}
    for style in (1, 2, 3):
        stage.night(export(lacking, exporter.Style(order=style)))


@scene
def a_class_goes_whose_enrollments_stay(stage: Stage) -> None:
    rows = stage.world.rows()
    lacking = rows | {"classes": rows["classes"][1:]}
    for style in (1, 2):
        stage.night(export(lacking, exporter.Style(order=style)))


@scene
def an_id_is_given_to_another_pupil(stage: Stage) -> None:
    stage.world._leave(pupil(stage))
    stage.night(stage.export())
    stage.night(another(stage))
    for _ in range(4):
        stage.world.a_night_passes()
    assert stage.world.reuse()
    stage.night(stage.export())
    stage.answer()
    stage.night(stage.export())


@scene
def an_id_passes_on_while_birth_dates_are_not_told(stage: Stage) -> None:
    """First of somebody who is there, on a night without their file; then of somebody who left, by a file cut short."""
    rows, child = stage.world.rows(), pupil(stage)
    key = child.key
    other = {"givenName": "Wilhelmina", "familyName": "Featherstone", "identifier": "N-X", "grades": "KG"}
    users = [{**r, **other} if r["sourcedId"] == key else r for r in rows["users"]]
    stage.night(export({"orgs": rows["orgs"], "users": users}))
    stage.world._leave(child)  # what follows is the truth: nobody comes back under the id
    lacking = without_people(rows, {key})
    for style in (1, 2):
        stage.night(export(lacking, exporter.Style(order=style)))
    stage.night(export(lacking | {"users": users}))


@scene
def an_id_of_who_left_passes_on_within_the_grade(stage: Stage) -> None:
    """To a newcomer of whom no birth date is told; then its first owner is back under it, and nothing is asked."""
    rows, child = stage.world.rows(), pupil(stage)
    key = child.key
    other = {"givenName": "Wilhelmina", "familyName": "Featherstone", "identifier": "N-X"}
    users = [{**r, **other} if r["sourcedId"] == key else r for r in rows["users"]]
    stage.world._leave(child)
    lacking = without_people(rows, {key})
    for style in (1, 2):
        stage.night(export(lacking, exporter.Style(order=style)))
    stage.night(export(lacking | {"users": users}))
    child.there = True
    stage.world._seat(child)
    stage.night(stage.export())


@scene
def whoever_had_an_id_that_is_anothers_returns_before_anybody_answers(stage: Stage) -> None:
    child = pupil(stage)
    stage.world._leave(child)
    stage.night(stage.export())
    stage.night(another(stage))
    for _ in range(4):
        stage.world.a_night_passes()
    while child.key:
        assert stage.world.reuse()
    stage.night(stage.export())
    while not child.there:
        stage.world.back()
    stage.night(stage.export())
    stage.answer()
    stage.night(stage.export())


@scene
def a_namesake_comes(stage: Stage) -> None:
    """Both names of somebody who left, and nothing else of theirs."""
    left = pupil(stage)
    left.given, left.family = "Wilhelmina", "Featherstone"
    stage.night(stage.export())
    stage.world._leave(left)
    stage.night(another(stage))
    stage.night(another(stage))
    stage.world.newcomer()
    child = stage.world.people[-1 if stage.world.people[-1].role == "student" else -2]
    child.given, child.family = left.given, left.family
    stage.night(stage.export())


@scene
def another_system_takes_over(stage: Stage) -> None:
    stage.world.migration()
    made = stage.export()
    stage.assure(stage.night(made).state == "held", "another system passed unasked")
    stage.approve(made)


@scene
def the_year_turns_as_announced(stage: Stage) -> None:
    stage.world.year_turns()
    day = stage.clock.now.date()
    kinds = ("user", "class", "enrollment", "demographics")
    stage.announce(Calendar(announced=tuple((kind, day, day + timedelta(days=2)) for kind in kinds)))
    for style in (1, 2):
        stage.night(stage.export(exporter.Style(order=style)))


@scene
def summer(stage: Stage) -> None:
    """First nothing is removed, then nothing is read."""
    day = stage.clock.now.date()
    stage.announce(Calendar(removals=((day, day),), imports=((day + timedelta(days=1), day + timedelta(days=2)),)))
    stage.world._leave(pupil(stage))
    for style in (1, 2):
        stage.night(stage.export(exporter.Style(order=style)))
    stage.clock.now += timedelta(days=1)
    stage.night(another(stage))
    stage.clock.now += timedelta(days=2)
    stage.night(another(stage))


@scene
def killed_when_the_roster_was_written(stage: Stage) -> None:
    troubles.killed_at(stage, another(stage), "apply.committed:1", again=True)
    troubles.killed_at(stage, another(stage), "apply.before_commit:1", again=False)


@scene
def two_processes_at_once(stage: Stage) -> None:
    for number in (1, 2):
        troubles.TROUBLES["two_at_once"](stage, another(stage), stage.dice(number))


@scene
def read_while_it_is_written(stage: Stage) -> None:
    stage.night(another(stage), watched=True)


# ------------------------------------------------------------------------------------------------- a directory beside


def accounts(stage: Stage) -> Directory:
    assert stage.second is not None
    return stage.second.directory


def account_of(stage: Stage, person: Person) -> Account:
    return next(a for a in accounts(stage).accounts if a.of is person)


def with_account(stage: Stage, *, numbered: bool) -> tuple[Person, Account]:
    """A pupil with an account, told by a number or by the address alone, which the SIS tells, too."""
    found = [(a.of, a) for a in accounts(stage).accounts if a.of and a.of.role == "student" and a.of.there and a.there]
    return next((p, a) for p, a in found if bool(a.identifier) is numbered and p.truth % 6 and a.email == p.email)


@scene_beside("directory")
def a_directory_adds_what_it_knows(stage: Stage) -> None:
    """It is master of addresses, and fills in telephone numbers; both systems change their minds."""
    stage.night_of_directory(accounts(stage).export())
    person, account = with_account(stage, numbered=True)
    account.email = "master@amber.example"
    stage.night_of_directory(accounts(stage).export())
    person.email = "of.the.sis@amber.example"
    stage.night(stage.export())
    account.phone = "+12025550199"
    stage.night_of_directory(accounts(stage).export(exporter.Style(order=3, quoted=True, bom=True)))


@scene_beside("directory")
def somebody_is_in_the_directory_only(stage: Stage) -> None:
    """A driver for ever; a teacher until the SIS has heard of her."""
    accounts(stage).stranger()
    accounts(stage).hired()
    stage.night_of_directory(accounts(stage).export())
    teacher = stage.world.people[-1]
    teacher.there = True
    stage.night(stage.export())
    accounts(stage).another_address()
    stage.night_of_directory(accounts(stage).export())


@scene_beside("directory")
def an_address_is_given_to_another_person(stage: Stage) -> None:
    """Whose account has no number, so that nothing else is told of them."""
    stage.night_of_directory(accounts(stage).export())
    person, account = with_account(stage, numbered=False)
    account.there = False
    stage.night_of_directory(accounts(stage).export())
    accounts(stage).another_address()
    stage.night_of_directory(accounts(stage).export())
    other = Account("acc-again", f"{person.given}-Other", "Featherstone", person.email, role="student")
    accounts(stage).accounts.append(other)
    stage.night_of_directory(accounts(stage).export())


@scene_beside("directory")
def an_account_is_closed_and_opened_again(stage: Stage) -> None:
    stage.night_of_directory(accounts(stage).export())
    _, account = with_account(stage, numbered=True)
    account.email = "only.here@amber.example"
    stage.night_of_directory(accounts(stage).export())
    account.there = False
    stage.night_of_directory(accounts(stage).export())
    accounts(stage).another_address()
    stage.night_of_directory(accounts(stage).export())
    account.there = True
    stage.night_of_directory(accounts(stage).export())


@scene_beside("directory")
def a_pupil_leaves_whose_account_stays(stage: Stage) -> None:
    """And one who has left gets an account, which means nobody until the pupil is back."""
    stage.night_of_directory(accounts(stage).export())
    person, _ = with_account(stage, numbered=True)
    late = next(p for p in stage.world.present("student") if p.truth % 9 == 0 and p.truth % 7)
    for child in (person, late):
        stage.world._leave(child)
    stage.night(stage.export())
    stage.night(another(stage))
    accounts(stage)._open(late)
    stage.night_of_directory(accounts(stage).export())
    for child in (person, late):
        child.there = True
        stage.world._seat(child)
    stage.night(stage.export())
    accounts(stage).another_address()
    stage.night_of_directory(accounts(stage).export())


@scene_beside("directory")
def one_source_is_held_and_the_other_goes_on(stage: Stage) -> None:
    stage.night_of_directory(accounts(stage).export())
    wrong = DIRECTORY_FAULTS["other_ids_for_all"](accounts(stage).export(), stage.dice(1))
    stage.assure(stage.night_of_directory(wrong).state == "held", "other ids for all accounts passed unasked")
    stage.world.newcomer()
    stage.assure(stage.night(another(stage)).state == "done", "the SIS waits for the directory")
    stage.reject_directory()
    rows = stage.world.rows()
    cut = export(rows | {"enrollments": rows["enrollments"][::2]})
    stage.assure(stage.night(cut).state == "held", "most enrollments went unasked")
    accounts(stage).another_address()
    stage.assure(stage.night_of_directory(accounts(stage).export()).state == "done", "the directory waits for the SIS")
    stage.night(another(stage))


@scene_beside("directory")
def many_accounts_are_missing(stage: Stage) -> None:
    """Of a tenth somebody is asked; and the SIS' people are there all the time."""
    stage.night_of_directory(accounts(stage).export())
    rows = accounts(stage).rows()
    for style in (1, 2):
        stage.night_of_directory(export({"users": rows[: len(rows) * 9 // 10]}, exporter.Style(order=style)))
    stage.release()
    stage.night_of_directory(accounts(stage).export())


# -------------------------------------------------------------------------------------------------------- applications


def share(stage: Stage, masks: Mapping[str, str] = MappingProxyType({})) -> None:
    """Everything of all schools, with each application; masked or not."""
    for app in stage.apps:
        terms = Terms(catalogue.everything(kinds=tuple(KINDS)), None, dict(masks))
        app.agree(terms, stage.schools, stage.clock.now)
    stage.check_apps(whole=True)


@scene_beside("apps")
def applications_follow_a_week(stage: Stage) -> None:
    """Somebody comes, leaves, is told otherwise, changes classes, comes back; every outlet tells it."""
    share(stage)
    child = pupil(stage)
    stage.world.newcomer()
    stage.world._leave(child)
    for _ in range(2):
        stage.world.marriage()
        stage.night(another(stage))
        stage.check_apps(whole=True)
    child.there = True
    stage.world._seat(child)
    stage.world.move()
    stage.night(stage.export())
    stage.check_apps(whole=True)


@scene_beside("apps")
def a_school_is_unshared(stage: Stage) -> None:
    share(stage)
    for app in stage.apps:
        app.unshare_a_school(stage.schools, stage.clock.now)
    stage.check_apps(whole=True)
    stage.world.move()
    stage.night(another(stage))
    stage.check_apps(whole=True)


@scene_beside("apps")
def a_school_is_unshared_to_which_a_pupil_moved_whose_seats_still_wait(stage: Stage) -> None:
    """The classes of the old school stay, and so does the guardian; who sits in them, and whose he is, do not."""
    share(stage)
    child = next(p for p in stage.world.present("student") if p.school == "s1" and p.guardian)
    child.school = "s2"
    stage.world._seat(child)
    stage.night(another(stage))
    stage.check_apps(whole=True)
    for app in stage.apps:
        others = tuple(s for s in stage.schools if s != "s2")
        app.agree(replace(app.terms, schools=others), stage.schools, stage.clock.now)
    stage.check_apps(whole=True)
    stage.night(another(stage))


@scene_beside("apps")
def values_are_masked_from_now_on(stage: Stage) -> None:
    share(stage)
    share(stage, {"user.email": "alias", "user.familyName": "initial", "user.gg4l.sisId": "pseudonym"})
    stage.world.newcomer()
    stage.night(another(stage))
    stage.check_apps(whole=True)


@scene_beside("apps")
def an_application_is_suspended_and_resumed(stage: Stage) -> None:
    """What happens meanwhile is told when it is over."""
    share(stage)
    for app in stage.apps:
        app.suspend(stage.clock.now)
    stage.check_apps(whole=True)
    stage.world.newcomer()
    stage.night(another(stage))
    for app in stage.apps:
        app.resume(stage.clock.now)
    stage.check_apps(whole=True)
