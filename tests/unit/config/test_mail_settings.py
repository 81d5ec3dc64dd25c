"""Which mail server the house may be told of."""

import pytest

from schoolpassport.config import environment
from schoolpassport.kit import smtp

FINE = {"SCHOOLPASSPORT_MAIL_HOST": "smtp.district.example", "SCHOOLPASSPORT_MAIL_FROM": "passport@district.example"}


def test_no_server_is_named_at_first_and_one_is_spoken_to_encrypted():
    assert environment.read({}).mail is None
    word = {"SCHOOLPASSPORT_MAIL_USER": "passport", "SCHOOLPASSPORT_MAIL_PASSWORD": "right"}
    assert environment.read({**FINE, **word}).mail == smtp.Server(
        host="smtp.district.example",
        port=587,
        security=smtp.Security.STARTTLS,
        sender="passport@district.example",
        user="passport",
        word="right",
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"SCHOOLPASSPORT_MAIL_FROM": ""}, "SCHOOLPASSPORT_MAIL_FROM: give the address that mail comes from"),
        ({"SCHOOLPASSPORT_MAIL_FROM": "us"}, "SCHOOLPASSPORT_MAIL_FROM: “us” is no mail address."),
        (
            {"SCHOOLPASSPORT_MAIL_FROM": "a@b.example\nBcc: c@d"},
            "SCHOOLPASSPORT_MAIL_FROM: “a@b.example Bcc: c@d” is no",
        ),
        ({"SCHOOLPASSPORT_MAIL_HOST": "smtp://x"}, "SCHOOLPASSPORT_MAIL_HOST: give a name like"),
        ({"SCHOOLPASSPORT_MAIL_PORT": "0"}, "SCHOOLPASSPORT_MAIL_PORT: give a whole number"),
        ({"SCHOOLPASSPORT_MAIL_SECURITY": "ssl"}, "SCHOOLPASSPORT_MAIL_SECURITY: give one of: starttls, tls, none"),
        ({"SCHOOLPASSPORT_MAIL_SECURITY": "none"}, "SCHOOLPASSPORT_MAIL_SECURITY: only a server on this machine"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_to_do(change, problem):
    (found,) = environment.problems({**FINE, **change})
    assert found.startswith(problem)


def test_a_server_on_this_machine_may_be_spoken_to_without_tls():
    near = {"SCHOOLPASSPORT_MAIL_HOST": "localhost", "SCHOOLPASSPORT_MAIL_SECURITY": "none"}
    assert environment.problems({**FINE, **near}) == []
