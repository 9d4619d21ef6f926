"""Numbers as people read them."""

import pytest

from analysis.wording import duration, likelihood, percent, percent_range, precision, shortened


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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (1.2, "about 1 second"),
        (42, "about 42 seconds"),
        (119, "about 2 minutes"),
        (3 * 3600, "about 3 hours"),
        (40 * 3600 * 24, "about 960 hours"),
    ],
)
def test_a_duration_is_told_in_its_unit(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("half_width", "words"),
    [
        (0.00123, "±0.12\u202fpoints"),
        (0.5, "±50\u202fpoints"),
        (0.999, "±100\u202fpoints"),
        (1e-9, "±0.0001\u202fpoints"),
    ],
)
def test_precision_has_two_digits(half_width, words):
    assert precision(half_width) == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("just fits it", "just fits it"),
        (" two   spaces ", "two spaces"),
        ("words that are cut", "words that …"),
        ("a word ends here", "a word ends …"),
        ("Governance/labour-market", "Governance…"),
        ("AI governance/labour-market", "AI governa…"),
    ],
)
def test_a_name_is_cut_between_words_or_within_one_that_would_leave_nothing(text, found):
    room = 13 if found.startswith("a word") else 12
    assert shortened(text, room) == found
    assert len(found) <= room


def test_a_name_is_cut_to_whatever_measure():
    assert shortened("wide words", 12, lambda text: 2 * len(text)) == "wide …"
