"""What may be a name: refused in a sentence, before a column is found to be too short."""

import pytest

from schoolpassport.kit.naming import BadName, fit_name


@pytest.mark.parametrize("text", ["SIS", "O'Neil & Söhne", "学区", "x" * 200])
def test_one_line_is_a_name_without_the_blanks_around_it(text):
    assert fit_name(f"  {text} ") == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("  ", "A name is blank."),
        ("x" * 201, "has 201 characters; 200 is the most"),
        ("two\nlines", "characters that cannot be seen"),
    ],
)
def test_what_is_no_name_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(BadName, match=sentence):
        fit_name(text)
