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
_WORD = "words @@ to_tsquery('simple', %s)"
_SOURCE = ("evidence_source", _WORD)
# an array, unlike a subquery, lets the planner use both indexes for rare words and none for common ones
_ITEM = ("evidence_evidence", f"({_WORD} OR source_id = ANY (ARRAY (SELECT id FROM evidence_source WHERE {_WORD})))")  # noqa: S608 - constants


def source_matches(words: str) -> Q:
    """The publications in whose texts all the words occur, each in any of them. See `evidence_matches`."""
    return _matches(words, SOURCE_TEXTS, *_SOURCE)


def evidence_matches(words: str) -> Q:
    """The items in whose texts, or their source's, all the words occur, each in any of them.

    On PostgreSQL a text has a word if one of its words begins with it, elsewhere if any part of the text is it.
    """
    return _matches(words, TEXTS, *_ITEM)


def _matches(words: str, fields: Iterable[str], table: str, has_word: str) -> Q:
    condition, queries = Q(), []
    for word in words.split():
        parts = word.translate(SEPARATORS).strip()
        if connection.vendor == "postgresql" and any(map(str.isalnum, parts)):
            queries.append(f"'{parts}':*")
        else:
            condition &= _anywhere(word, fields)
    if queries:
        select = f"SELECT id FROM {table} WHERE {' AND '.join([has_word] * len(queries))}"  # noqa: S608 - constants
        values = [query for query in queries for _ in range(has_word.count("%s"))]
        condition &= Q(pk__in=RawSQL(select, values))  # noqa: S611 - only values are given
    return condition


def _anywhere(word: str, fields: Iterable[str]) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{f"{field}__icontains": word})
    return condition
