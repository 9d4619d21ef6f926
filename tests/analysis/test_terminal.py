"""Tables and text from data, as a terminal shows them."""

import pytest

from analysis.terminal import printable, table

ROWS = [("", "low", "words"), ("a name", "1.5", "of one"), ("b", "10.25", "")]


def test_names_stand_to_the_left_and_figures_to_the_right_with_nothing_behind_them():
    assert table(ROWS).splitlines() == ["            low   words", "  a name    1.5  of one", "  b       10.25"]


def test_words_in_the_last_column_stand_to_the_left():
    assert table(ROWS, words_last=True).splitlines() == [
        "            low  words",
        "  a name    1.5  of one",
        "  b       10.25",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Café, 東京: 42\u202f%", "Café, 東京: 42\u202f%"),
        ("red\x1b[31m", r"red\x1b[31m"),
        ("two\r\nlines\u2028", r"two\r\nlines\u2028"),
        ("\x9b2J \u202e \ud800", r"\x9b2J \u202e \ud800"),
    ],
)
def test_text_from_data_leaves_the_terminal_as_it_is(text, shown):
    assert printable(text) == shown
    assert table([(text, "1")]) == f"  {shown}  1"


def test_long_text_is_cut_where_that_is_asked_for():
    assert printable("abcdefghij", 10) == "abcdefghij"
    assert printable("abcdefghijk", 10) == "abcdefg..."
