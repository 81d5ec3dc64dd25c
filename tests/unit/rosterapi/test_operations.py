from schoolpassport.partners.contract import ASSESSMENT, DEMOGRAPHICS, GRADEBOOK, RESOURCES, ROSTER, ROSTER_CORE
from schoolpassport.rosterapi.operations import OF_1P1, OPERATIONS, find
from schoolpassport.sharing.contract import Subset

NAMED = {operation.name: operation for operation in OPERATIONS}


ROSTERING_ONLY = [operation for operation in OPERATIONS if not operation.scopes & {ASSESSMENT, GRADEBOOK, RESOURCES}]


def test_there_are_56_operations_of_1_1_with_names_and_paths_of_their_own_41_of_them_of_rostering():
    assert len(OPERATIONS) == len(NAMED) == len({operation.path for operation in OPERATIONS}) == 65
    assert len(ROSTERING_ONLY) == 41
    assert len(OF_1P1) == 56
    assert {operation.kind.name for operation in set(OPERATIONS) - set(OF_1P1)} == {
        "scoreScale",
        "assessmentLineItem",
        "assessmentResult",
        "resource",
    }
    assert "/users/{userSourcedId}/resources" not in {operation.path for operation in OF_1P1}


def test_every_path_finds_its_own_operation_and_the_ids_in_it():
    for operation in OPERATIONS:
        path = operation.path.removeprefix("/").format(**dict.fromkeys(_names(operation.path), "an-id"))
        found = find(path)
        assert found is not None, path
        assert found[0] is operation
        assert found[1] == ("an-id",) * operation.path.count("{")


def _names(path: str) -> list[str]:
    return [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]


def test_what_is_no_path_of_the_standard_finds_nothing():
    for path in (
        "",
        "/",
        "users/",
        "users/a/",
        "Users",
        "users/a/b",
        "users/a/b/c",
        "nosuch",
        "//users",
        "users//classes/x",
    ):
        assert find(path) is None or path == "users/", path


def test_an_envelope_is_named_after_the_entity_class():
    envelopes = {name: NAMED[name].envelope for name in ("getAllTeachers", "getTeacher", "getAllTerms", "getTerm")}
    assert envelopes == {
        "getAllTeachers": "users",
        "getTeacher": "user",
        "getAllTerms": "academicSessions",
        "getTerm": "academicSession",
    }
    assert NAMED["getAllDemographics"].envelope == NAMED["getDemographics"].envelope == "demographics"


def test_the_core_scope_opens_the_pairs_and_nothing_else():
    core = {operation.name for operation in OPERATIONS if ROSTER_CORE in operation.scopes}
    assert len(core) == 22
    assert {operation.name for operation in OPERATIONS if DEMOGRAPHICS in operation.scopes} == {
        "getAllDemographics",
        "getDemographics",
    }
    assert {operation.name for operation in ROSTERING_ONLY if ROSTER not in operation.scopes} == {
        "getAllDemographics",
        "getDemographics",
    }


def test_operations_of_relations_have_the_names_of_the_standard():
    assert {operation.name for operation in OPERATIONS if "For" in operation.name} == {
        *("getCoursesForSchool", "getClassesForSchool", "getEnrollmentsForSchool", "getStudentsForSchool"),
        *("getTeachersForSchool", "getTermsForSchool", "getEnrollmentsForClassInSchool", "getStudentsForClassInSchool"),
        *("getTeachersForClassInSchool", "getClassesForTerm", "getGradingPeriodsForTerm", "getClassesForCourse"),
        *("getClassesForStudent", "getClassesForTeacher", "getClassesForUser", "getStudentsForClass"),
        *("getTeachersForClass", "getResourcesForCourse", "getResourcesForClass", "getCategoriesForClass"),
        *(
            "getLineItemsForClass",
            "getResultsForClass",
            "getResultsForLineItemForClass",
            "getResultsForStudentForClass",
        ),
        *("getScoreScalesForClass", "getScoreScalesForSchool", "getResourcesForUser"),
    }


def test_a_class_in_the_path_of_a_school_must_be_of_that_school():
    school, class_ = NAMED["getStudentsForClassInSchool"].collection.parents
    assert (school.subset, school.within) == (Subset("org", "type", "school"), "")
    assert (class_.subset, class_.within) == (Subset("class"), "school")
