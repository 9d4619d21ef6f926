"""The study in vectorised NumPy, written for speed: what the engine's compiled code is compared with.

float32; iterations lie side by side in the last axis and come in chunks, through buffers that stay in the cache. An
array over outcomes has one axis per hypothesis, A at 0 and B at 1, of length 1 where nothing depends on it. Only the
configurations of each hypothesis's parents get a sigmoid, all of them in one call; results are streamed. NumPy's
functions use one core.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np

from .peer import REPLICATES, Floats, PeerModel, Sums, Totals

CHUNKS = (2048, 4096, 8192, 16384)
"""Sizes worth trying: smaller ones pay for the calls, larger ones for the memory."""


def simulate(model: PeerModel, chunk: int, iterations: int, seed: int) -> Totals:
    """Run at least `iterations` iterations, in whole chunks for each of the 16 replicates."""
    chunks = -(-iterations // (REPLICATES * chunk))
    joint, squares = np.zeros((REPLICATES, model.years, 2**model.n)), np.zeros((REPLICATES, 2**model.n))
    buffers = _Chunk(model, chunk)
    for replicate, sequence in enumerate(np.random.SeedSequence(seed).spawn(REPLICATES)):
        # NumPy's fastest generator
        rng = np.random.Generator(np.random.SFC64(sequence))
        for _ in range(chunks):
            buffers.add(rng, joint[replicate], squares[replicate])
    return Totals(joint, squares, chunks * chunk * REPLICATES)


class _Chunk:
    """Buffers for `size` iterations: new arrays of this size would cost as much as the arithmetic.

    lift, given_a, given_b: a row per configuration of parents, hypothesis after hypothesis; `rows[h]` are those of h.
    """

    def __init__(self, model: PeerModel, size: int) -> None:
        self.model = model
        first = np.cumsum([0] + [2 ** len(parents) for parents in model.parents]).tolist()
        self.rows = [slice(*ends) for ends in pairwise(first)]
        self.normals = np.empty((model.dimensions, size), dtype=np.float32)
        self.lift = np.empty((first[-1], size), dtype=np.float32)
        self.given = np.empty((2, first[-1], size), dtype=np.float32)
        self.joint = np.empty((2,) * model.n + (size,), dtype=np.float32)
        self.ones = np.ones(size, dtype=np.float32)

    def add(self, rng: np.random.Generator, joint: Sums, squares: Sums) -> None:
        """Draw new iterations and add their joints to joint [T, S], and their squares to squares [S]."""
        model, n = self.model, self.model.n
        z = rng.standard_normal(dtype=np.float32, out=self.normals)
        away = model.mu + model.sd * z[:n] - model.initial
        midpoint = model.midpoint + model.midpoint_sd * z[n : 2 * n]
        strength = model.strength * np.maximum(0, 1 + model.cv * z[2 * n :])
        slopes = [pull.slopes @ strength[pull.influences] for pull in model.pulls]
        self._lift(slopes)
        start = _sigmoid(-model.speed * midpoint)
        scale = away / (_sigmoid(model.speed * (model.years - 1 - midpoint)) - start)
        flat = self.joint.reshape(-1, self.ones.size)
        for year in range(model.years):
            level = model.initial + (_sigmoid(model.speed * (year - midpoint)) - start) * scale
            self._conditionals(level, slopes)
            self._expand()
            joint[year] += flat @ self.ones
            if year == model.target:
                squares += np.einsum("xd,xd->x", flat, flat)

    def _lift(self, slopes: list[Floats]) -> None:
        """What the parents in outcome A add to the log-odds, the same in every year."""
        self.lift[:] = 0
        for pull, slope in zip(self.model.pulls, slopes, strict=True):
            parents = self.model.parents[pull.target]
            configurations = self.lift[self.rows[pull.target]].reshape(*(2,) * len(parents), -1)
            np.moveaxis(configurations, parents.index(pull.source), 0)[0] += slope

    def _conditionals(self, level: Floats, slopes: list[Floats]) -> None:
        """P(A | parents) and P(B | parents) of every configuration: sigmoids of centred log-odds."""
        alone = _sigmoid(level)
        for pull, slope in zip(self.model.pulls, slopes, strict=True):
            level[pull.target] -= slope * alone[pull.source]
        a, b = self.given
        for h, rows in enumerate(self.rows):
            np.add(self.lift[rows], level[h], out=b[rows])
        np.exp(np.negative(b, out=b), out=b)
        np.divide(1, np.add(1, b, out=a), out=a)
        np.subtract(1, a, out=b)

    def _expand(self) -> None:
        """The joint of all scenarios, the product of the components."""
        factors = [
            self._conditional(members[0]) if len(members) == 1 else self._pair(*members)
            for members in self.model.components
        ]
        np.multiply(reduce(np.multiply, factors[:-1]), factors[-1], out=self.joint)

    def _conditional(self, h: int) -> Floats:
        """P(x_h | parents) with an axis per hypothesis."""
        shape = [2 if k in self.model.parents[h] else 1 for k in range(self.model.n)]
        return np.asarray(self.given[:, self.rows[h]].reshape(2, *shape, -1).swapaxes(0, 1 + h)[0])

    def _pair(self, i: int, j: int) -> Floats:
        """Stationary distribution of the scan over i, j (MODEL.md 3): i goes B to A with `rise`, back with `fall`."""
        one, two = self._conditional(i), self._conditional(j)
        rise = (two.take([1], i) * one.take([0], i)).sum(axis=j, keepdims=True)
        fall = (two.take([0], i) * one.take([1], i)).sum(axis=j, keepdims=True)
        a = rise / (rise + fall)
        return np.concatenate([a, 1 - a], axis=i) * two


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))
