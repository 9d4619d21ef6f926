"""Titles that are almost the same, found among many without comparing each with each in full."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
_ROUNDING = 1e-9
_WORD = 64  # letters that a comparison takes in one step


def plain(title: str) -> str:
    """The words of a title in small letters and in order, so that neither case, signs nor word order count."""
    return " ".join(sorted(utils.default_process(title).split()))


def alike(title: str, titles: Mapping[str, str]) -> list[str]:
    """The keys of the plain titles, by key, that are almost this one, in the order of `Titles`.

    For one title that is quicker than `Titles`, which has to look at each letter of all of them first.
    """
    found = process.extract(title, titles, scorer=fuzz.ratio, score_cutoff=SIMILAR, limit=None)
    return sorted((key for _, _, key in found), key=lambda key: (len(titles[key]), key))


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
        self._lengths = [len(title) for title in self._titles]
        self._allowed = 3 * _EDITS * np.array(self._lengths, dtype=np.float64)
        signatures = [_signature(title) for title in self._titles]
        self._signatures = np.array(signatures, dtype=np.uint64).reshape(-1, _BITS // 64).T.copy()

    def like(self, title: str) -> Iterator[int]:
        """The places of the titles that are almost this plain one, in order."""
        return self._like(title, _signature(title), 0)

    def like_at(self, place: int, *, first: int) -> Iterator[int]:
        """The places, from `first` on, of the titles that are almost the one at `place`, in order."""
        return self._like(self._titles[place], self._signatures[:, place], first)

    def _like(self, title: str, signature: NDArray[np.uint64], first: int) -> Iterator[int]:
        places = self._candidates(len(title), signature, first)
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

    def _candidates(self, length: int, signature: NDArray[np.uint64], first: int) -> NDArray[np.int64]:
        ratio = (1 + _EDITS) / (1 - _EDITS)
        begin = max(first, bisect_left(self._lengths, length / ratio - _ROUNDING))
        end = bisect_right(self._lengths, length * ratio + _ROUNDING, lo=min(begin, len(self._lengths)))
        window = self._signatures[:, begin:end]
        differing = np.bitwise_count(window ^ signature[:, None]).sum(axis=0, dtype=np.uint16)
        allowed = self._allowed[begin:end] + (3 * _EDITS * length + _ROUNDING)
        return begin + np.flatnonzero(differing <= allowed)


def _signature(title: str) -> NDArray[np.uint64]:
    letters = np.frombuffer(title.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    bits = np.zeros(_BITS, dtype=np.uint8)
    bits[(letters[:-1] * 31 + letters[1:]) % _BITS] = 1
    return np.packbits(bits).view(np.uint64)
