"""Whether two publications are one: by identifier, by address however it is written, or by a similar title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from evidence.identifiers import isbn_of
from evidence.titles import Titles, plain

SOME = 3
"""Publications that one is said to be like."""

_WORK = 100_000_000  # of comparing titles at a time (see `Titles`): a sixth of a second
_LONGEST = 1000
"""Characters in which a number is looked for, more than any field holds: the search takes time with their square."""
_DOI = re.compile(r"(?:doi:\s*|doi\.org/)?(10\.\d{4,9}/\S+)\Z", re.IGNORECASE)
_ARXIV = re.compile(
    r"(?:arxiv:\s*|arxiv\.org/(?:abs|pdf)/|10\.48550/arxiv\.)"
    r"(?:(\d{4}\.\d{4,5})|([a-z-]+)(?:\.[a-z]{2})?(/\d{7}))(?:v\d+)?(?:\.pdf)?\Z",
    re.IGNORECASE,
)


class Publication(Protocol):
    """What has a key, an address, an identifier and a title."""

    key: str
    url: str
    identifier: str
    title: str


def marks_of(*, url: str, identifier: str) -> set[str]:
    """What a publication is recognised by, each written in one way whatever the form it comes in.

    The same for http and https, with and without `www.`, a last slash or a fragment; a DOI, arXiv number or ISBN is
    found in both, an arXiv number without its version and old ones without the class of their subject.
    """
    marks = set()
    if name := identifier.strip():
        marks.add(_number(name) or name.lower())
    if address := _address(url):
        marks.add(_number(address) or address)
    return marks


def _address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()  # no address at all, such as http://[::1: the same as itself only
    host = (parts.hostname or "").removeprefix("www.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{unquote(parts.path).rstrip('/')}{query}"


def _number(text: str) -> str | None:
    if len(text) > _LONGEST:
        return None
    if match := _ARXIV.search(text):
        return f"arxiv:{''.join(match.groups(default='')).lower()}"
    if match := _DOI.search(text):
        return f"doi:{match[1].rstrip('/').lower()}"
    if isbn := isbn_of(text):
        return f"isbn:{isbn}"
    return None


@dataclass
class SourceIndex:
    """The stored publications by their marks and titles, to look many up with one read of the table."""

    _keys: dict[str, str] = field(default_factory=dict)
    _marks: dict[str, set[str]] = field(default_factory=dict)
    _titles: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Iterable[Publication]) -> SourceIndex:
        """An index of these publications."""
        index = cls()
        for source in sources:
            index.add(source)
        return index

    def add(self, source: Publication) -> None:
        """Take one more in, or one that has changed."""
        marks = marks_of(url=source.url, identifier=source.identifier)
        for mark in self._marks.get(source.key, set()) - marks:
            if self._keys.get(mark) == source.key:
                del self._keys[mark]
        self._keys.update(dict.fromkeys(marks, source.key))
        self._marks[source.key] = marks
        self._titles[source.key] = plain(source.title)

    def __contains__(self, key: object) -> bool:
        """Whether a publication of that key is stored."""
        return key in self._titles

    def same(self, *, url: str, identifier: str) -> list[str]:
        """The keys of the stored publications that this one is; more than one where its marks disagree."""
        found = (self._keys.get(mark) for mark in sorted(marks_of(url=url, identifier=identifier)))
        return list(dict.fromkeys(key for key in found if key is not None))

    def similar(self, titles: Mapping[str, str]) -> dict[str, list[str]]:
        """For each of the titles, by key, the keys of other publications with almost the same, where there are any.

        Of each no more than `SOME`: where many are alike, few say so.
        """
        known = Titles(self._titles)
        found: dict[str, list[str]] = {}
        for key, title in titles.items():
            others = (known.keys[place] for place in known.like(plain(title)))
            if some := list(islice((other for other in others if other != key), SOME)):
                found[key] = some
        return found


class Pair(NamedTuple):
    """Two keys of what may be one publication, and why it may."""

    one: str
    other: str
    why: str


Among = Literal["marks", "titles"]
"""What pairs are looked for among, the one after the other."""


class Place(NamedTuple):
    """How far looking for pairs has come: after these two keys among the same marks or, all those told, the titles."""

    among: Among
    one: str
    other: str


class LikelyPairs(NamedTuple):
    """Pairs, and the place to look for further ones after; None where all have been looked at."""

    pairs: list[Pair]
    after: Place | None


def likely_pairs(sources: Sequence[Publication], *, most: int, after: Place | None = None) -> LikelyPairs:
    """Publications that may be stored twice: with the same identifier or address, else almost the same title.

    At most so many, those after the place `after`, two of these sources, in an order of their own. Where comparing
    titles takes long, since they are many, long and all a little alike, it may be fewer, or none, before all have been
    looked at.
    """
    same = list(_same_pairs(sources))
    told = {frozenset((pair.one, pair.other)): number for number, pair in enumerate(same, start=1)}
    match after:
        case None:
            pairs = same
        case Place("marks"):
            pairs = same[told.get(frozenset((after.one, after.other)), 0) :]
        case _:
            pairs = []
    if len(pairs) > most:
        last = pairs[most - 1]
        return LikelyPairs(pairs[:most], Place("marks", last.one, last.other))
    titles = Titles({source.key: plain(source.title) for source in sources})
    row = first = 0
    if after is not None and after.among == "titles":
        row, first = titles.places[after.one], titles.places[after.other]
    ranks = {source.key: rank for rank, source in enumerate(sources)}
    for place in range(row, len(titles.keys)):
        key = titles.keys[place]
        if titles.work > _WORK:
            return LikelyPairs(pairs, Place("titles", key, key))
        for other in titles.like_at(place, first=max(first if place == row else 0, place) + 1):
            if len(pairs) == most:
                return LikelyPairs(pairs, Place("titles", key, titles.keys[other - 1]))
            one, two = sorted((key, titles.keys[other]), key=ranks.__getitem__)
            if frozenset((one, two)) not in told:
                pairs.append(Pair(one, two, "almost the same title"))
    return LikelyPairs(pairs, None)


def _same_pairs(sources: Iterable[Publication]) -> Iterator[Pair]:
    first: dict[str, str] = {}
    told: set[frozenset[str]] = set()
    for source in sources:
        for mark in sorted(marks_of(url=source.url, identifier=source.identifier)):
            other = first.setdefault(mark, source.key)
            if other != source.key and (two := frozenset((other, source.key))) not in told:
                told.add(two)
                yield Pair(other, source.key, f"the same {mark}")
