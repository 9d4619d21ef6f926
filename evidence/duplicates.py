"""Whether two publications are one: by identifier, by address however it is written, or by a similar title."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import numpy as np
from rapidfuzz import fuzz, process, utils

SIMILAR = 92.0
"""From which likeness of titles on, of 100, a source is worth a second look."""

_CHUNK = 256  # titles compared with all others at a time: bounded memory

_LONGEST = 1000
"""Characters in which a number is looked for, more than any field holds: the search takes time with their square."""
_DOI = re.compile(r"(?:doi:\s*|doi\.org/)?(10\.\d{4,9}/\S+)\Z", re.IGNORECASE)
_ARXIV = re.compile(r"(?:arxiv:\s*|arxiv\.org/(?:abs|pdf)/)(\d{4}\.\d{4,5}|[a-z-]+/\d{7})(?:v\d+)?(?:\.pdf)?\Z", re.I)
_ISBN = re.compile(r"isbn[:\s]*([\d\s-]{9,16}[\dx])\Z", re.IGNORECASE)


class Publication(Protocol):
    """What has a key, an address, an identifier and a title."""

    key: str
    url: str
    identifier: str
    title: str


def marks_of(*, url: str, identifier: str) -> set[str]:
    """What a publication is recognised by, each written in one way whatever the form it comes in.

    The same for http and https, with and without `www.`, a last slash or a fragment; a DOI, arXiv number or ISBN is
    found in both, without an arXiv version.
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
    if match := _DOI.search(text):
        return f"doi:{match[1].rstrip('/').lower()}"
    if match := _ARXIV.search(text):
        return f"arxiv:{match[1].lower()}"
    if match := _ISBN.search(text):
        return f"isbn:{re.sub(r'[^0-9x]', '', match[1].lower())}"
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
        self._titles[source.key] = _plain(source.title)

    def __contains__(self, key: object) -> bool:
        """Whether a publication of that key is stored."""
        return key in self._titles

    def same(self, *, url: str, identifier: str) -> list[str]:
        """The keys of the stored publications that this one is; more than one where its marks disagree."""
        found = (self._keys.get(mark) for mark in sorted(marks_of(url=url, identifier=identifier)))
        return list(dict.fromkeys(key for key in found if key is not None))

    def similar(self, titles: Mapping[str, str]) -> dict[str, list[str]]:
        """For each of the titles, by key, the keys of other publications with almost the same, where there are any."""
        keys, known = list(self._titles), list(self._titles.values())
        found: dict[str, list[str]] = {}
        asked = list(titles.items())
        for start in range(0, len(asked), _CHUNK):
            part = asked[start : start + _CHUNK]
            plain = [_plain(title) for _, title in part]
            likeness = process.cdist(plain, known, scorer=fuzz.ratio, score_cutoff=SIMILAR, dtype=np.uint8)
            for row, column in np.argwhere(likeness):
                if keys[column] != part[row][0]:
                    found.setdefault(part[row][0], []).append(keys[column])
        return found


class Pair(NamedTuple):
    """Two keys of what may be one publication, and why it may."""

    one: str
    other: str
    why: str


def likely_pairs(sources: Collection[Publication]) -> list[Pair]:
    """The publications that may be stored twice: with the same identifier or address, else almost the same title."""
    first: dict[str, str] = {}
    found: dict[frozenset[str], Pair] = {}
    for source in sources:
        for mark in sorted(marks_of(url=source.url, identifier=source.identifier)):
            other = first.setdefault(mark, source.key)
            if other != source.key:
                found.setdefault(frozenset((other, source.key)), Pair(other, source.key, f"the same {mark}"))
    similar = SourceIndex.of(sources).similar({source.key: source.title for source in sources})
    for key, others in similar.items():
        for other in others:
            found.setdefault(frozenset((key, other)), Pair(key, other, "almost the same title"))
    return list(found.values())


def _plain(title: str) -> str:
    """The words of a title in small letters and in order, so that neither case, signs nor word order count."""
    return " ".join(sorted(utils.default_process(title).split()))
