"""Numbers as people read them."""

import pytest

from analysis.wording import likelihood, percent, percent_range


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "0 %"),
        (1e-9, "< 0.1 %"),
        (0.00123, "0.12 %"),
        (0.00995, "1.0 %"),
        (0.00994, "0.99 %"),
        (0.0744, "7.4 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.42, "42 %"),
        (0.994, "99 %"),
        (0.996, "99.6 %"),
        (0.9999, "> 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_percent_has_two_significant_digits(probability, text):
    assert percent(probability).replace("\u202f", " ") == text


def test_a_range_names_the_unit_once():
    assert percent_range(0.0001, 0.193) == "< 0.1–19\u202f%"


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (1.0, "virtually certain"),
        (0.95, "very likely"),
        (0.66, "likely"),
        (0.5, "about as likely as not"),
        (0.2, "unlikely"),
        (0.05, "very unlikely"),
        (0.0, "exceptionally unlikely"),
    ],
)
def test_words_follow_the_scale(probability, word):
    assert likelihood(probability) == word
