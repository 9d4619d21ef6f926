"""Whether an identifier that claims to be a DOI, an arXiv number or an ISBN can be one, and which ISBN it is."""

from __future__ import annotations

import re

_CLAIMS_DOI = re.compile(r"doi:|10\.\d+/", re.IGNORECASE)
_DOI = re.compile(r"(?:doi:\s*)?10\.\d{4,9}(?:\.\d+)*/\S+\Z", re.IGNORECASE)
_ARXIV = re.compile(
    r"arxiv:\s*(?:\d\d(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d\d(?:0[1-9]|1[0-2])\d{3})(?:v\d+)?\Z",
    re.IGNORECASE,
)
_CLAIMS_ISBN = re.compile(r"isbn|97[89][\d\s-]{10,}\Z", re.IGNORECASE)
ISBN = re.compile(
    r"(?:\A|(isbn(?:-?1[03])?[:\s-]*))(?P<number>(?:\d[\s-]*){9}(?:[\dx]|(?:\d[\s-]*){3}\d))\Z", re.IGNORECASE
)
"""A whole text that may be one, or the end of a text that says it is one."""


def identifier_fault(text: str) -> str:
    """What is wrong with an identifier, in words; nothing for a right one, and for those of other kinds."""
    if _CLAIMS_DOI.match(text):
        return "" if _DOI.match(text) else "A DOI looks like 10.1000/xyz123."
    if text.lower().startswith("arxiv"):
        return "" if _ARXIV.match(text) else "An arXiv number looks like arXiv:2001.08361, year and month first."
    if _CLAIMS_ISBN.match(text):
        found = ISBN.match(text)
        if not found:
            return "An ISBN has 10 or 13 digits."
        return "" if _isbn_adds_up(_digits(found)) else "The check digit of this ISBN is wrong; is a digit mistyped?"
    return ""


def isbn_of(text: str) -> str | None:
    """The ISBN that a text ends in, in the form of 13 digits; None where it says of none that it is one.

    A number that does not say so is one where its check digit is right.
    """
    found = ISBN.search(text)
    if not found or not (found[1] or _isbn_adds_up(_digits(found))):
        return None
    digits = _digits(found)
    if len(digits) == 13:
        return digits
    body = f"978{digits[:9]}"
    return f"{body}{-_sum_of_13(body) % 10}"


def _digits(found: re.Match[str]) -> str:
    return re.sub(r"[\s-]", "", found["number"]).lower()


def _isbn_adds_up(digits: str) -> bool:
    """ISO 2108: the weighted sum is a multiple of 11 (10 digits, x is ten) or 10 (13 digits)."""
    if len(digits) == 10:
        values = [10 if digit == "x" else int(digit) for digit in digits]
        return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0
    return digits[:3] in {"978", "979"} and _sum_of_13(digits) % 10 == 0


def _sum_of_13(digits: str) -> int:
    values = [int(digit) for digit in digits]
    return sum(values[0::2]) + 3 * sum(values[1::2])
