"""Numbers and names in the form that people read: one place for pages, tables and terminals."""

from __future__ import annotations

import math
from collections.abc import Callable

THIN_SPACE = "\u202f"
MINUS = "\u2212"
ROUNDING = 1e-6
"""What a sum of float32 probabilities may lack of the 1 that is meant."""
DURATIONS = (("second", 1, 90), ("minute", 60, 90), ("hour", 3600, 10**6))
"""Units of time: their seconds, and how many of them are told before the next is taken."""
LIKELIHOOD = (
    (0.99, "virtually certain"),
    (0.90, "very likely"),
    (0.66, "likely"),
    (0.33, "about as likely as not"),
    (0.10, "unlikely"),
    (0.01, "very unlikely"),
    (0.00, "exceptionally unlikely"),
)
"""The IPCC's likelihood scale (Mastrandrea et al. 2010): the word for a probability of at least so much."""

JEFFREYS = (
    (2.0, "decisive"),
    (1.5, "very strong"),
    (1.0, "strong"),
    (0.5, "substantial"),
    (0.0, "barely worth mentioning"),
)
"""Jeffreys's scale (1961, Theory of Probability, appendix B): the word for a Bayes factor of 10 to at least so much."""


def percent(probability: float) -> str:
    """A probability in percent with two significant digits: `7.4 %`, `42 %`, `< 0.1 %`."""
    return f"{_digits(probability)}{THIN_SPACE}%"


def percent_range(low: float, high: float) -> str:
    """Two probabilities as a range in percent: `1.2–19 %`."""
    return f"{_digits(low)}–{_digits(high)}{THIN_SPACE}%"


def points(difference: float) -> str:
    """A difference of probabilities in percentage points: `+1.3 points`, `−12 points`, `no change` below 0.05."""
    value = 100 * difference
    if abs(value) < 0.05:
        return "no change"
    decimals = 1 if abs(value) < 9.95 else 0
    sign = "+" if value > 0 else MINUS
    return f"{sign}{abs(value):.{decimals}f}{THIN_SPACE}points"


def error(half_width: float) -> str:
    """A half-width of a difference of probabilities in percentage points: `0.2`, `< 0.05`."""
    return "< 0.05" if half_width < 0.0005 else f"{100 * half_width:.1f}"


def precision(half_width: float) -> str:
    """The half-width of an interval of a probability in percentage points: `±0.12 points`, at best `±0.0001 points`.

    What is smaller is told as that, which holds for it too: nobody needs to know more.
    """
    value = max(100 * half_width, 0.0001)
    return f"±{value:.2g}{THIN_SPACE}points" if value < 99.5 else f"±{value:.0f}{THIN_SPACE}points"


def duration(seconds: float) -> str:
    """A time in words: `less than a second`, `about 12 seconds`, `about 2 minutes`, `about 3 hours`."""
    told = ((unit, max(1, round(seconds / size)), most) for unit, size, most in DURATIONS)
    unit, number, _ = next(each for each in told if each[1] <= each[2])
    return "less than a second" if seconds < 0.5 else f"about {number:,} {unit}{'s' if number > 1 else ''}"


def likelihood(probability: float) -> str:
    """The word for a probability on the IPCC's scale."""
    return next(word for least, word in LIKELIHOOD if probability >= least)


def bayes_factor(weight: float) -> str:
    """The Bayes factor of a weight of evidence in nats, of either sign, with two digits: `3.4`, `12`, `> 1000`."""
    factor = math.exp(min(abs(weight), 10.0))
    return "> 1000" if factor > 1000 else f"{factor:.1f}" if factor < 9.95 else f"{factor:.0f}"


def jeffreys(weight: float) -> str:
    """The word for a weight of evidence in nats, of either sign, on Jeffreys's scale."""
    return next(word for least, word in JEFFREYS if abs(weight) / math.log(10) >= least)


def shortened(text: str, room: float, size: Callable[[str], float] = len) -> str:
    """The text, or as many of its words as have room: by default so many letters, or else of what `size` measures.

    It is cut within a word where whole words would leave more than half of the room empty.
    """
    text = " ".join(text.split())
    if size(text) <= room:
        return text
    cut = next((n for n in range(len(text) - 1, 0, -1) if size(f"{text[:n]} …") <= room), 1)
    words = text[: cut + 1].rpartition(" ")[0]
    return f"{words} …" if 2 * len(words) > cut else f"{text[:cut]}…"


def _digits(probability: float) -> str:
    if probability == 0 or probability > 1 - ROUNDING:
        return f"{probability:.0%}".removesuffix("%")
    value = 100 * probability
    if value < 0.1:
        return "< 0.1"
    if value > 99.9:
        return "> 99.9"
    decimals = 2 if value < 0.995 else 1 if value < 9.95 or value >= 99.5 else 0
    return f"{value:.{decimals}f}"
