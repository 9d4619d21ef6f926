"""Numbers in addresses and forms."""

import pytest

from accounts.numbers import number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (None, None),
        ("", None),
        ("x", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("17", 17),
        ("9" * 18, 10**18 - 1),
    ],
)
def test_a_text_is_a_number_or_none(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize("digits", [19, 20, 5000])
def test_what_no_database_holds_is_no_rows_number(digits):
    assert number_of("9" * digits) == 0
