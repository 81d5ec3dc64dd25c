"""The reading operations of OneRoster, each declared once: path, name, what it reads, envelope, scopes.

In 1.1, 41 are of rostering, 4 of resources, 11 of the gradebook. 1.2 has them, too, 8 more in its gradebook (of
score scales and assessments), and the resources of a user.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.partners.contract import (
    ASSESSMENT,
    ASSESSMENT_CREATEPUT,
    ASSESSMENT_DELETE,
    CREATEPUT,
    DELETE,
    DEMOGRAPHICS,
    GRADEBOOK,
    RESOURCES,
    ROSTER,
    ROSTER_CORE,
)
from schoolpassport.roster.kinds import KINDS, Kind, Version
from schoolpassport.sharing.contract import (
    AllOf,
    AnyOf,
    Collection,
    Names,
    Of,
    Parent,
    Refers,
    Relation,
    Subset,
    Through,
)


@dataclass(frozen=True, eq=False)
class Operation:
    """``path`` is a template: a word and an id in turns. ``single``: it ends with an id and answers one object."""

    path: str
    name: str
    collection: Collection
    single: bool
    scopes: frozenset[str]  # any of these opens it

    @property
    def written(self) -> bool:
        """Whether PUT and DELETE are there beside GET."""
        return self.single and self.kind.name in GRADES

    @property
    def put_by(self) -> str:
        """The scope that opens PUT."""
        return ASSESSMENT_CREATEPUT if ASSESSMENT in self.scopes else CREATEPUT

    @property
    def deleted_by(self) -> str:
        """The scope that opens DELETE."""
        return ASSESSMENT_DELETE if ASSESSMENT in self.scopes else DELETE

    @cached_property
    def kind(self) -> Kind:
        return KINDS[self.collection.subset.kind]

    @cached_property
    def versions(self) -> frozenset[Version]:
        """In which it is there: those that have its kind, and the field that it goes by."""
        relation = self.collection.relation
        field = KINDS[relation.kind][relation.field] if isinstance(relation, Names) else None
        return self.kind.versions & field.versions if field else self.kind.versions

    @cached_property
    def kinds_of_ids(self) -> tuple[str, ...]:
        """Of which kind each of the ids in the path is."""
        parents = tuple(parent.subset.kind for parent in self.collection.parents)
        return (*parents, self.kind.name) if self.single else parents

    @cached_property
    def writers_name(self) -> bool:
        """Whether any of the ids in the path may be a name that an application gave to what it wrote."""
        return not set(GRADES).isdisjoint(self.kinds_of_ids)

    @cached_property
    def envelope(self) -> str:
        """Named after the entity class, not after the word in the path (/teachers → users)."""
        return self.kind.name if self.single else self.kind.plural

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[1::2])


@dataclass(frozen=True)
class _Word:
    """A word of the paths: which records it stands for, and what one of them is called in operation names."""

    subset: Subset
    singular: str
    plural: str
    scopes: frozenset[str] = frozenset({ROSTER_CORE, ROSTER})


_WORDS: Mapping[str, _Word] = {
    "academicSessions": _Word(Subset("academicSession"), "AcademicSession", "AcademicSessions"),
    "gradingPeriods": _Word(Subset("academicSession", "type", "gradingPeriod"), "GradingPeriod", "GradingPeriods"),
    "terms": _Word(Subset("academicSession", "type", "term"), "Term", "Terms"),
    "orgs": _Word(Subset("org"), "Org", "Orgs"),
    "schools": _Word(Subset("org", "type", "school"), "School", "Schools"),
    "courses": _Word(Subset("course"), "Course", "Courses"),
    "classes": _Word(Subset("class"), "Class", "Classes"),
    "enrollments": _Word(Subset("enrollment"), "Enrollment", "Enrollments"),
    "users": _Word(Subset("user"), "User", "Users"),
    "students": _Word(Subset("user", "role", "student"), "Student", "Students"),
    "teachers": _Word(Subset("user", "role", "teacher"), "Teacher", "Teachers"),
    "demographics": _Word(Subset("demographics"), "Demographics", "Demographics", frozenset({DEMOGRAPHICS})),
    "resources": _Word(Subset("resource"), "Resource", "Resources", frozenset({RESOURCES})),
    "categories": _Word(Subset("category"), "Category", "Categories", frozenset({GRADEBOOK})),
    "lineItems": _Word(Subset("lineItem"), "LineItem", "LineItems", frozenset({GRADEBOOK})),
    "results": _Word(Subset("result"), "Result", "Results", frozenset({GRADEBOOK})),
    "scoreScales": _Word(Subset("scoreScale"), "ScoreScale", "ScoreScales", frozenset({GRADEBOOK})),
    "assessmentLineItems": _Word(
        Subset("assessmentLineItem"), "AssessmentLineItem", "AssessmentLineItems", frozenset({ASSESSMENT})
    ),
    "assessmentResults": _Word(
        Subset("assessmentResult"), "AssessmentResult", "AssessmentResults", frozenset({ASSESSMENT})
    ),
}

# A user's classes, and a class's users, are those of enrollments that are in force.
_CLASSES_OF_USER = Through("enrollment", match="user", give="class")
_CLASSES_OF_STUDENT = Through("enrollment", match="user", give="class", role="student")
_CLASSES_OF_TEACHER = Through("enrollment", match="user", give="class", role="teacher")
_STUDENTS_OF_CLASS = Through("enrollment", match="class", give="user", role="student")
_TEACHERS_OF_CLASS = Through("enrollment", match="class", give="user", role="teacher")

_RELATIONS: Mapping[str, Relation] = {
    "schools/courses": AnyOf((Refers("org"), Through("class", match="school", give="course"))),
    "schools/classes": Refers("school"),
    "schools/enrollments": Refers("school"),
    "schools/students": Refers("orgs"),
    "schools/teachers": Refers("orgs"),
    "schools/terms": Through("class", match="school", give="terms"),
    "schools/classes/enrollments": Refers("class"),
    "schools/classes/students": _STUDENTS_OF_CLASS,
    "schools/classes/teachers": _TEACHERS_OF_CLASS,
    "terms/classes": Refers("terms"),
    "terms/gradingPeriods": Refers("parent"),
    "courses/classes": Refers("course"),
    "students/classes": _CLASSES_OF_STUDENT,
    "teachers/classes": _CLASSES_OF_TEACHER,
    "users/classes": _CLASSES_OF_USER,
    "classes/students": _STUDENTS_OF_CLASS,
    "classes/teachers": _TEACHERS_OF_CLASS,
    "courses/resources": Names("course", "resources"),
    "classes/resources": Names("class", "resources"),
    "users/resources": Names("user", "resources"),
    "classes/categories": Through("lineItem", match="class", give="category"),
    "classes/lineItems": Refers("class"),
    "classes/scoreScales": Refers("class"),
    "schools/scoreScales": Of("class", kind="class", match="school"),
    "classes/results": Of("lineItem", kind="lineItem", match="class"),
    "classes/lineItems/results": Refers("lineItem"),
    "classes/students/results": AllOf((Refers("student"), Of("lineItem", kind="lineItem", match="class", first=True))),
}
_WITHIN = {  # what stands in the path of a school or class must be of it
    "schools/classes": "school",
    "classes/lineItems": "class",
}


def _core(word: str, *, single: bool) -> Operation:
    known = _WORDS[word]
    return Operation(
        path=f"/{word}/{{sourcedId}}" if single else f"/{word}",
        name=f"get{known.singular}" if single else f"getAll{known.plural}",
        collection=Collection(known.subset),
        single=single,
        scopes=known.scopes,
    )


def _relation(words: str, relation: Relation) -> Operation:
    *parents, child = words.split("/")
    path = "".join(f"/{word}/{{{_id_name(word)}}}" for word in parents) + f"/{child}"
    outer = [_WORDS[word].singular for word in reversed(parents)]
    return Operation(
        path=path,
        name=f"get{_WORDS[child].plural}For{('For' if child == 'results' else 'In').join(outer)}",
        collection=Collection(_subset_of(child, relation), tuple(_parents(parents)), relation),
        single=False,
        scopes=_WORDS[child].scopes - {ROSTER_CORE},
    )


def _subset_of(child: str, relation: Relation) -> Subset:
    """Who is enrolled as a student is a student of the class, whatever else the record says."""
    whole = _WORDS[child].subset
    return Subset(whole.kind) if isinstance(relation, Through) and relation.role else whole


def _parents(words: list[str]) -> list[Parent]:
    within = _WITHIN.get("/".join(words), "")
    return [Parent(_WORDS[word].subset, within if place else "") for place, word in enumerate(words)]


def _id_name(word: str) -> str:
    """The parameter of a parent's id, as the standard's own description names it."""
    return f"{_WORDS[word].singular[0].lower()}{_WORDS[word].singular[1:]}SourcedId"


OPERATIONS: tuple[Operation, ...] = (
    *(_core(word, single=single) for word in _WORDS for single in (False, True)),
    *(_relation(words, relation) for words, relation in _RELATIONS.items()),
)

OF_1P1: tuple[Operation, ...] = tuple(each for each in OPERATIONS if Version.V1P1 in each.versions)

_BY_WORDS = {(operation.words, operation.single): operation for operation in OPERATIONS}


def _shape(pieces: list[str]) -> tuple[tuple[str, ...], bool]:
    """The words of a path, and whether it ends with an id."""
    return tuple(pieces[::2]), len(pieces) % 2 == 0


def find(path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """The operation of a path below the base, without its first slash, and the ids in it as they are written."""
    pieces = path.split("/")
    operation = _BY_WORDS.get(_shape(pieces))
    return None if operation is None else (operation, tuple(pieces[1::2]))
