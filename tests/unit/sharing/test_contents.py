"""What a consent may say: judged before anything is agreed, and written down so that it can be read back."""

from uuid import UUID

import pytest

from schoolpassport.kit import conditions
from schoolpassport.sharing import catalogue, contents, shield
from schoolpassport.sharing.contents import NotShareable
from schoolpassport.sharing.records import Contents

OAK, ELM = UUID(int=1), UUID(int=2)
SEVENTH_UP = conditions.parse(
    {"any": [{"attribute": "role", "is": "not equals", "value": "student"}, {"attribute": "grades", "is": "not empty"}]}
)


def everything(**changes) -> Contents:
    return Contents(**({"attributes": catalogue.everything()} | changes))


def test_what_says_a_masked_name_again_is_masked_like_it():
    names = {"user": [*catalogue.everything()["user"], "userProfiles"]}
    masks = {"user.givenName": "initial", "user.username": "pseudonym", "user.grades": "drop"}
    judged = contents.checked(Contents(attributes=names, masks=masks))
    assert judged.masks["user.preferredFirstName"] == "initial"
    assert judged.masks["user.userProfiles"] == judged.masks["user.gg4l.primaryGrade"] == "drop"
    assert not {"userProfiles", "gg4l.primaryGrade"} & set(judged.attributes["user"])
    assert "user.preferredLastName" not in judged.masks, "the family name is shown as it is"


def test_a_preferred_name_shows_no_more_than_the_name():
    for chosen in ("invented-name", "drop"):
        more = {"user.givenName": "initial", "user.preferredFirstName": chosen}
        assert contents.checked(everything(masks=more)).masks["user.preferredFirstName"] == chosen
    with pytest.raises(NotShareable, match=r"would tell more than user\.givenName masked by “invented-name”"):
        contents.checked(everything(masks={"user.givenName": "invented-name", "user.preferredFirstName": "initial"}))


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


# --------------------------------------------------------------------------------------------------------------- masks


def without(*keys: str) -> dict[str, list[str]]:
    return {
        kind: [n for n in names if f"{kind}.{n}" not in keys]
        for kind, names in catalogue.everything(kinds=("org", "user", "demographics")).items()
    }


def test_a_mask_that_removes_withholds_the_attribute():
    judged = contents.checked(everything(masks={"user.phone": "drop", "user.email": "alias"}))
    assert judged.masks == {"user.email": "alias", "user.phone": "drop"}
    assert set(catalogue.everything()["user"]) - set(judged.attributes["user"]) == {"phone"}
    assert contents.checked(judged) == judged
    assert contents.read(contents.written(judged)) == judged


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ({"user.email": "paint"}, "There is no mask “paint”; there are: alias, choice, digits, drop, "),
        ({"user.email": "initial"}, "user.email cannot be masked by “initial”; what fits is: alias, drop."),
        ({"user.role": "initial"}, "user.role cannot be masked by “initial”; it can neither be masked nor withheld."),
        (
            {"user.role": "drop"},
            "OneRoster requires user.role: that cannot be withheld. Share no users at all.",
        ),
        (
            {"user.familyName": "drop"},
            "OneRoster requires user.familyName: that cannot be withheld. Mask user.familyName, or share no users at all.",
        ),
        ({"demographics.sex": "choice"}, "demographics.sex is masked and not shared: share it, or drop the mask."),
    ],
)
def test_a_mask_fits_what_it_is_put_on(masks, sentence):
    with pytest.raises(NotShareable) as refused:
        contents.checked(everything(masks=masks))
    assert str(refused.value).startswith(sentence)


def test_what_the_standard_requires_is_not_withheld():
    with pytest.raises(NotShareable) as refused:
        contents.checked(everything(attributes=without("user.givenName", "user.role")))
    assert str(refused.value) == (
        "OneRoster requires user.givenName, user.role: that cannot be withheld. Mask user.givenName, or share no users "
        "at all."
    )


def test_a_level_of_the_shield_masks_what_is_shared_and_leaves_what_was_chosen():
    whole = everything(attributes=without("user.phone", "demographics.birthDate"), masks={"user.email": "drop"})
    behind = shield.raised(whole, level=3, takes=lambda _: True)
    assert behind.masks == {
        **{f"user.{n}": "initial" for n in ("familyName", "givenName", "middleName")},
        **{f"user.preferred{n}Name": "initial" for n in ("Last", "First", "Middle")},
        "user.email": "drop",
        "user.username": "pseudonym",
        "user.sms": "digits",
    }
    assert contents.checked(behind).shield == 3


def test_what_an_application_does_not_take_masked_is_withheld_if_it_may_be():
    behind = shield.raised(everything(), level=2, takes=lambda key: key not in {"user.email", "user.givenName"})
    assert behind.masks["user.email"] == "drop"
    assert behind.masks["user.givenName"] == "initial"


def test_a_level_is_what_it_says():
    with pytest.raises(NotShareable, match=r"^Level 1 of Privacy Shield masks user.familyName, user.preferredLastName"):
        contents.checked(everything(shield=1))
    with pytest.raises(NotShareable, match=r"^There is no level 4 of Privacy Shield"):
        contents.checked(everything(shield=4))
