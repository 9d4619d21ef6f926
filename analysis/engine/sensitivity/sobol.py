"""Variance-based sensitivity (MODEL.md 7): Saltelli's sample and the Sobol' indices estimated from it.

The sample and the estimators are SALib's (Iwanaga et al. 2022), assembled and evaluated as whole arrays: the bootstrap
is a product of a matrix of counts, how often each resample drew each base point, with a matrix of the terms averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy  # its large parts are loaded when first asked for: half a second, which few processes need
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from threadpoolctl import ThreadpoolController

from .design import Floats, SensitivityError, check_outputs, check_resampling, count_groups

MAX_BASE = 2**30
"""Points in SciPy's sequence of 30 bits."""
_ROUNDING = 1e-13
"""Outputs that differ by less, relative to the largest, differ by rounding: the output is constant."""
_PRODUCTS = 2**21
"""Products of outputs held at a time (16 MiB)."""
_BLAS = ThreadpoolController()


class SobolIndices(NamedTuple):
    """Shares of the output's variance, with the half-widths (`_conf`) of their confidence intervals.

    first, total [G]: what group g explains alone, and with all its interactions | second [G, G]: the interaction of
    groups j < k alone; NaN elsewhere, and None if the sample has no second order | constant: the output does not vary,
    nothing explains anything, and every index is 0. Estimates of small shares can be slightly negative.
    """

    first: Floats
    first_conf: Floats
    total: Floats
    total_conf: Floats
    second: Floats | None
    second_conf: Floats | None
    constant: bool


def sobol_rows(base: int, factors: int, second_order: bool) -> int:
    """Model evaluations of a study: base (2 G + 2) with second order (Saltelli 2002), else base (G + 2)."""
    return base * ((2 if second_order else 1) * factors + 2)


def sobol_points(dimensions: int, base: int, seed: int) -> tuple[Floats, Floats]:
    """The two halves A and B, [base, D] each, of scrambled Sobol' points of dimension 2 D.

    Raises SensitivityError if base is no power of two (Owen 2020: the points are balanced only then).
    """
    if not 2 <= base <= MAX_BASE or base & (base - 1):
        raise SensitivityError(f"base must be a power of two from 2 to 2^30, not {base}")
    sequence = scipy.stats.qmc.Sobol(2 * dimensions, seed=seed)  # as SALib does; rng=seed would spawn other points
    points = sequence.random(base)
    return points[:, :dimensions], points[:, dimensions:]


def saltelli(a: Floats, b: Floats, groups: Sequence[int], second_order: bool) -> Floats:
    """Saltelli's sample, [rows, D], from points A and B, or from any values [base, D] that stand for them.

    groups[j] in 0 ... G - 1 is the group that parameter j is exchanged with. Every base point gives the rows A; A with
    group g from B, g = 0 ... G - 1; with second order, B with group g from A; and B (Saltelli 2002). Equal to
    `SALib.sample.sobol.sample`, whose numbers of groups are those of their first appearance; unlike there, one group
    of all parameters is one group. Raises SensitivityError if groups leave a number out.
    """
    factors, (base, dimensions) = count_groups(groups), a.shape
    group, column = np.asarray(groups), np.arange(dimensions)
    sample = np.empty((base, sobol_rows(1, factors, second_order), dimensions))
    sample[:, : factors + 1] = a[:, None]
    sample[:, factors + 1 :] = b[:, None]
    sample[:, 1 + group, column] = b
    if second_order:
        sample[:, 1 + factors + group, column] = a
    return sample.reshape(-1, dimensions)


def sobol_indices(
    outputs: ArrayLike,
    factors: int,
    base: int,
    second_order: bool,
    *,
    seed: int,
    resamples: int = 100,
    confidence: float = 0.95,
) -> SobolIndices:
    """Sobol' indices (Sobol' 2001) of the outputs [rows] of a `saltelli` sample with G = `factors` groups.

    First order by Saltelli et al. (2010), total order by Jansen (1999), second order by Saltelli (2002), all of the
    standardised output. Half-widths are normal quantiles times the bootstrap's standard deviation (Archer et al.
    1997). Equal to `SALib.analyze.sobol.analyze`, whose resamples a seed other than 0 repeats; there 0 means no seed.

    Raises SensitivityError if the outputs do not fit the sample or are not finite, or for resamples below 2 or a
    confidence outside (0, 1).
    """
    values = check_outputs(outputs, sobol_rows(base, factors, second_order))
    check_resampling(resamples, confidence)
    if np.ptp(values) <= _ROUNDING * np.abs(values).max():
        return _no_variance(factors, second_order)
    runs = ((values - values.mean()) / values.std()).reshape(base, -1)
    a, b = runs[:, :1], runs[:, -1:]
    ab = runs[:, 1 : factors + 1]
    shares = _Averages(a, b, _weights(base, resamples, seed))
    quantile = float(ndtri(0.5 + confidence / 2))

    first = shares.of(b * (ab - a))
    total = shares.of(0.5 * (a - ab) ** 2)
    indices = SobolIndices(*_estimate(first, quantile), *_estimate(total, quantile), None, None, constant=False)
    if not second_order:
        return indices
    ba = runs[:, factors + 1 : -1]
    second, second_conf = np.full((2, factors, factors), np.nan)
    for j, k in _pairs(factors, base):
        pairs = shares.of(ba[:, j] * ab[:, k] - a * b) - first[:, j] - first[:, k]
        second[j, k], second_conf[j, k] = _estimate(pairs, quantile)
    return indices._replace(second=second, second_conf=second_conf)


class _Averages:
    """Averages over the base points in units of the variance of A and B: once as they are, then for every resample."""

    def __init__(self, a: Floats, b: Floats, weights: Floats) -> None:
        self.weights = weights
        mean = weights @ ((a + b) / 2)
        square = weights @ ((a**2 + b**2) / 2)
        variance = square - mean**2
        self.precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > _ROUNDING * square)

    def of(self, terms: Floats) -> Floats:
        """[1 + resamples, columns] of terms [base, columns]; 0 where A and B do not vary."""
        with _BLAS.limit(limits=1, user_api="blas"):  # threads would change the last digits, and wait for each other
            averages: Floats = self.weights @ terms
        return averages * self.precision


def _weights(base: int, resamples: int, seed: int) -> Floats:
    """[1 + resamples, base]: weight of every base point, equal in row 0, then by how often the resample drew it."""
    drawn: NDArray[np.int64] = np.random.default_rng(seed).integers(base, size=(base, resamples))
    cells = (drawn + base * np.arange(resamples)).ravel()
    counts = np.ones((1 + resamples, base))
    counts[1:] = np.bincount(cells, minlength=resamples * base).reshape(resamples, base)
    return counts / base


def _pairs(factors: int, base: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All j < k, as many at a time as memory allows: threads cost less on few large products than on many small."""
    j, k = np.triu_indices(factors, 1)
    at_once = max(1, _PRODUCTS // base)
    for start in range(0, j.size, at_once):
        yield j[start : start + at_once], k[start : start + at_once]


def _estimate(shares: Floats, quantile: float) -> tuple[Floats, Floats]:
    """Point estimates (row 0) and half-widths from the resamples (the other rows)."""
    return shares[0], quantile * shares[1:].std(axis=0, ddof=1)


def _no_variance(factors: int, second_order: bool) -> SobolIndices:
    zeros = np.zeros(factors)
    pairs = np.where(np.triu(np.ones((factors, factors)), 1) > 0, 0.0, np.nan) if second_order else None
    return SobolIndices(zeros, zeros, zeros, zeros, pairs, pairs, constant=True)
