"""Finding items and sources by words: PostgreSQL by full text, other databases by any part of a text."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

SOURCE_TEXTS = ("title", "authors", "publisher", "identifier", "url", "key")
TEXTS = ("public_id", "dependency_group", "description", "rationale", *(f"source__{name}" for name in SOURCE_TEXTS))

SEPARATORS = str.maketrans(dict.fromkeys("-_./:@\\'", " "))
"""What stands between words, also within ids and addresses; the columns `words` take these apart too."""

# The words of a table's texts are in a column of its own, with an index, that models do not know (migration 0005).
_SOURCES = "SELECT id FROM evidence_source WHERE words @@ to_tsquery('simple', %s)"
_ITEMS = f"""
    SELECT id FROM evidence_evidence WHERE words @@ to_tsquery('simple', %s)
    UNION ALL SELECT id FROM evidence_evidence WHERE source_id IN ({_SOURCES})
"""  # noqa: S608 - the parts are constants


def source_matches(words: str) -> Q:
    """The publications in whose texts all the words occur, each in any of them. See `evidence_matches`."""
    return _matches(words, SOURCE_TEXTS, _SOURCES)


def evidence_matches(words: str) -> Q:
    """The items in whose texts, or their source's, all the words occur, each in any of them.

    On PostgreSQL a text has a word if one of its words begins with it, elsewhere if any part of the text is it.
    """
    return _matches(words, TEXTS, _ITEMS)


def _matches(words: str, fields: Iterable[str], select: str) -> Q:
    condition = Q()
    for word in words.split():
        parts = word.translate(SEPARATORS).strip()
        if connection.vendor == "postgresql" and any(map(str.isalnum, parts)):
            query = f"'{parts}':*"
            condition &= Q(pk__in=RawSQL(select, [query] * select.count("%s")))  # noqa: S611 - only values are given
        else:
            condition &= _anywhere(word, fields)
    return condition


def _anywhere(word: str, fields: Iterable[str]) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{f"{field}__icontains": word})
    return condition
