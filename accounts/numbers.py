"""Whole numbers, as addresses and forms name rows and years."""

from __future__ import annotations

_DIGITS = 18
"""Of the greatest number that every database holds."""


def number_of(text: str | None) -> int | None:
    """The whole number that a text is, or None; 0, which is no row's, for one that is too large for a database."""
    if not text or not (text.isascii() and text.isdecimal()):
        return None
    return int(text) if len(text) <= _DIGITS else 0
