"""Titles that are almost the same, found among many without comparing each with each in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process, utils

SIMILAR = 92.0
"""From which likeness of titles on, of 100, a source is worth a second look."""

_EDITS = 1 - SIMILAR / 100
"""Letters put in or taken out, as a share of both lengths together, that titles so alike differ by at most."""
_BITS = 256
_PART = 64  # titles compared at a time: little is compared in vain where few are wanted
_WORD = 64  # letters that a comparison takes in one step


def plain(title: str) -> str:
    """The words of a title in small letters and in order, so that neither case, signs nor word order count."""
    return " ".join(sorted(utils.default_process(title).split()))


class Titles:
    """Plain titles by key, in order of their length and then of their keys; `work` counts what comparing them took.

    Titles alike in `SIMILAR` of 100 (normalised insertions and deletions, `rapidfuzz.fuzz.ratio`) differ by few letters
    put in or taken out. Each changes the length by one, and at most three pairs of letters that stand side by side:
    what differs more in length, or in a signature that holds a bit for each such pair, need not be compared.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.keys = sorted(titles, key=lambda key: (len(titles[key]), key))
        self.places = {key: place for place, key in enumerate(self.keys)}
        self.work = 0
        self._titles = [titles[key] for key in self.keys]
        self._lengths = np.array([len(title) for title in self._titles], dtype=np.int64)
        signatures = [_signature(title) for title in self._titles]
        self._signatures = np.array(signatures, dtype=np.uint64).reshape(-1, _BITS // 64).T.copy()

    def title_at(self, place: int) -> str:
        """The plain title at a place in the order."""
        return self._titles[place]

    def like(self, title: str, *, first: int = 0) -> Iterator[int]:
        """The places, from `first` on, of the titles that are almost this plain one, in order."""
        places = self._candidates(title, first)
        for start in range(0, len(places), _PART):
            part = places[start : start + _PART]
            found = process.cdist(
                [title],
                [self._titles[place] for place in part],
                scorer=fuzz.ratio,
                score_cutoff=SIMILAR,
                dtype=np.float64,
            )
            self.work += len(part) * len(title) * (len(title) // _WORD + 1)
            yield from part[found[0] >= SIMILAR].tolist()

    def _candidates(self, title: str, first: int) -> NDArray[np.int64]:
        length = len(title)
        most = length * (1 + _EDITS) / (1 - _EDITS)
        low = np.searchsorted(self._lengths, length * (1 - _EDITS) / (1 + _EDITS) - 1e-9)
        begin, end = max(first, int(low)), int(np.searchsorted(self._lengths, most + 1e-9, side="right"))
        differing = np.zeros(max(0, end - begin), dtype=np.int64)
        for mine, theirs in zip(_signature(title), self._signatures[:, begin:end], strict=True):
            differing += np.bitwise_count(theirs ^ mine)
        allowed = 3 * _EDITS * (self._lengths[begin:end] + length) + 1e-9
        return begin + np.flatnonzero(differing <= allowed)


def _signature(title: str) -> NDArray[np.uint64]:
    letters = np.frombuffer(title.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    bits = np.zeros(_BITS, dtype=np.uint8)
    bits[(letters[:-1] * 31 + letters[1:]) % _BITS] = 1
    return np.packbits(bits).view(np.uint64)
