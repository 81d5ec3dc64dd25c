"""What a consent may say: judged before anything is agreed, and written down so that it can be read back."""

from uuid import UUID

import pytest

from schoolpassport.kit import conditions
from schoolpassport.sharing import catalogue, contents
from schoolpassport.sharing.contents import NotShareable
from schoolpassport.sharing.records import Contents

OAK, ELM = UUID(int=1), UUID(int=2)
SEVENTH_UP = conditions.parse(
    {"any": [{"attribute": "role", "is": "not equals", "value": "student"}, {"attribute": "grades", "is": "not empty"}]}
)


def everything(**changes) -> Contents:
    return Contents(**({"attributes": catalogue.everything()} | changes))


def test_contents_come_in_the_catalogues_order():
    mixed = {kind: [*reversed(names)] for kind, names in reversed(catalogue.everything().items())}
    judged = contents.checked(everything(attributes=mixed, schools=[ELM, OAK, ELM], purpose=" Reading "))
    assert judged == Contents(
        attributes={kind: tuple(names) for kind, names in catalogue.everything().items()},
        schools=(OAK, ELM),
        purpose="Reading",
    )
    assert list(judged.attributes) == list(catalogue.everything())


def test_contents_are_read_back_as_they_were_written():
    judged = contents.checked(everything(schools=[OAK], filters={"user": SEVENTH_UP}, purpose="Reading"))
    assert contents.read(contents.written(judged)) == judged


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (
            {"attribute": "shoeSize", "is": "equals", "value": "44"},
            "The filter of users. In the condition: there is no attribute “shoeSize”",
        ),
        (
            {"attribute": "orgs.name", "is": "equals", "value": "Oak"},
            "The filter of users asks about orgs.name, which is no attribute of users.",
        ),
    ],
)
def test_a_filter_asks_about_the_record_alone(where, sentence):
    with pytest.raises(NotShareable, match=f"^{sentence}"):
        contents.checked(everything(filters={"user": conditions.parse(where)}))


def test_a_filter_never_depends_on_the_day():
    past = conditions.parse({"attribute": "endDate", "is": "past"})
    with pytest.raises(NotShareable, match=r"^The filter of enrollments asks what day it is"):
        contents.checked(everything(filters={"enrollment": past}))


def test_what_is_not_shared_is_not_filtered():
    with pytest.raises(NotShareable, match=r"^users are filtered and not shared"):
        contents.checked(Contents(attributes={"org": ["name", "type"]}, filters={"user": SEVENTH_UP}))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"attributes": ["user"]}, "“attributes” is an object."),
        ({"attributes": {"user": "email"}}, "“user” holds texts."),
        ({"attributes": {}, "schools": ["Oak"]}, "badly formed hexadecimal UUID string"),
        ({"attributes": {}, "colour": "red"}, "“colour” is not understood."),
        ({"attributes": {}, "shield": "2"}, "“shield” is a number."),
        ({"attributes": {}, "filters": {"user": []}}, "In the condition: write an object"),
    ],
)
def test_what_is_no_contents_is_refused(content, sentence):
    with pytest.raises(NotShareable, match=f"^These are no contents of a consent: {sentence}"):
        contents.read(content)
