"""Quantiles of many rows of draws (MODEL.md 4), and sums of rows to take them of.

A row's draws are counted into equally wide buckets; only the buckets where a quantile lies, and those next to them, are
sorted. The numbers are those of sorting the whole row. Matrix products would do for the sums, but the threads of BLAS
and ours get into each other's way.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import kernel_cache  # noqa: F401 - says where all compiled functions of the engine are kept

Floats = NDArray[np.floating]

BUCKETS = 2048
TILE = 512
"""Draws of a few rows that fit into the nearest cache together."""
TINY = 1e-300
"""Draws that differ by less all go into one bucket."""


def quantiles(values: Floats, weights: Floats | None, points: tuple[float, ...]) -> Floats:
    """Quantiles [len(points), rows] of values [rows, draws], in Hazen's definition.

    With weights [draws], the k-th smallest value lies at (w_1 + ... + w_k - w_k / 2) / sum w, and between two of them
    is interpolated; without, all weigh the same. Draws of weight 0 do not count; at least one must have a weight.
    `points` rise.
    """
    weighed = np.ones(values.shape[-1]) if weights is None else weights.astype(float)
    found = np.empty((len(points), len(values)))
    _quantiles(values, weighed, np.array(points) * weighed.sum(), found)
    return found


def sums_of_rows(values: Floats, members: NDArray[np.generic]) -> Floats:
    """Sums [groups, draws] of those of the values [rows, draws] that belong to each group; members [groups, rows]."""
    sums = np.zeros((len(members), values.shape[-1]), dtype=values.dtype)
    _add_rows(values, members.astype(np.bool_), sums)
    return sums


@njit(cache=True, nogil=True)
def _add_rows(values, members, sums):
    for start in range(0, values.shape[1], TILE):
        end = min(start + TILE, values.shape[1])
        for row in range(values.shape[0]):
            added = values[row, start:end]
            for group in range(members.shape[0]):
                if members[group, row]:
                    total = sums[group, start:end]
                    for j in range(total.size):
                        total[j] += added[j]


@njit(cache=True, nogil=True)
def _quantiles(values, weights, places, found):
    """Fill found [points, rows] with what lies at places [points] of the running sum of weights."""
    draws = weights.size
    bucket = np.empty(draws, dtype=np.int32)
    before = np.empty(BUCKETS + 1)
    wanted = np.empty(BUCKETS, dtype=np.bool_)
    near = np.empty(draws, dtype=np.int32)
    for row in range(values.shape[0]):
        low, high = _range(values[row])
        if low == high:
            found[:, row] = low
            continue
        _into_buckets(values[row], weights, low, high, bucket, before)
        _choose(before, places, wanted)
        size = 0
        for j in range(draws):
            near[size] = j
            size += wanted[bucket[j]]
        chosen = near[:size][np.argsort(values[row][near[:size]], kind="mergesort")]
        _interpolate(values[row], weights, chosen, bucket, before, places, found[:, row])


@njit(cache=True, nogil=True)
def _into_buckets(values, weights, low, high, bucket, before):
    """The bucket of each draw, and the weight before each bucket; equal draws share a bucket."""
    scale = (BUCKETS - 1) / max(high - low, TINY)
    for j in range(values.size):
        bucket[j] = np.int32((values[j] - low) * scale)
    before[:] = 0.0
    for j in range(values.size):
        before[bucket[j] + 1] += weights[j]
    for b in range(BUCKETS):
        before[b + 1] += before[b]


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _range(values):
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    return low, high


@njit(cache=True, nogil=True)
def _choose(before, places, wanted):
    """The bucket of every place, with its nearest neighbours that have a weight."""
    wanted[:] = False
    for place in places:
        at = min(max(np.searchsorted(before, place, side="right") - 1, 0), BUCKETS - 1)
        below, above = max(at - 1, 0), min(at + 1, BUCKETS - 1)
        while below > 0 and before[below + 1] == before[below]:
            below -= 1
        while above < BUCKETS - 1 and before[above + 1] == before[above]:
            above += 1
        wanted[below] = wanted[at] = wanted[above] = True


@njit(cache=True, nogil=True)
def _interpolate(values, weights, chosen, bucket, before, places, found):
    """Walk through the chosen draws, in rising order, with the running sum of weights."""
    p, last, so_far = 0, -1, 0.0
    last_at, last_value = 0.0, 0.0
    for j in chosen:
        if weights[j] == 0:
            continue
        if last < 0 or bucket[j] != bucket[last]:
            so_far = before[bucket[j]]
        at, value = so_far + weights[j] / 2, float(values[j])
        while p < places.size and places[p] < at:
            share = (places[p] - last_at) / (at - last_at)
            found[p] = value if last < 0 else last_value + share * (value - last_value)
            p += 1
        so_far += weights[j]
        last, last_at, last_value = j, at, value
    found[p:] = last_value
