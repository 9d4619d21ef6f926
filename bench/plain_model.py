"""The study as somebody who knows array programming well would write it, for clarity: the same code in NumPy and JAX.

Vectorised over iterations and scenarios, float32, in chunks; every hypothesis gets its conditional probability in every
scenario. The tuned peers beside this file work out what need not be computed twice; most models never get that far.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from analysis.engine.estimate import letters

from .peer import REPLICATES, PeerModel, Totals

CHUNKS = (1_000, 10_000)

Array = Any
"""An array of NumPy or of JAX."""


def numpy_run(model: PeerModel, chunk: int, iterations: int, seed: int) -> Totals:
    """Run at least `iterations` iterations in NumPy, in whole chunks for each of the 16 replicates."""
    chunks = -(-iterations // (REPLICATES * chunk))
    joint, squares = np.zeros((REPLICATES, model.years, 2**model.n)), np.zeros((REPLICATES, 2**model.n))
    for replicate, sequence in enumerate(np.random.SeedSequence(seed).spawn(REPLICATES)):
        rng = np.random.default_rng(sequence)
        for _ in range(chunks):
            found = sums(np, model, rng.standard_normal((chunk, model.dimensions), dtype=np.float32), _each_year)
            joint[replicate] += found[0]
            squares[replicate] += found[1]
    return Totals(joint, squares, chunks * chunk * REPLICATES)


def jax_compiled(model: PeerModel, chunk: int, iterations: int) -> Callable[[int], Totals]:
    """Compile the same in JAX, for its one CPU device with all cores; call it with a seed."""
    import jax  # noqa: PLC0415 - its threads must not weigh on what is measured before
    import jax.numpy as jnp  # noqa: PLC0415

    chunks = -(-iterations // (REPLICATES * chunk))

    def each_year(joint: Callable[[Array], Array], years: int) -> Array:
        return jax.lax.map(joint, jnp.arange(years))

    @jax.jit
    def one(key: Array) -> tuple[Array, Array]:
        return sums(jnp, model, jax.random.normal(key, (chunk, model.dimensions), jnp.float32), each_year)

    def run(seed: int) -> Totals:
        keys = jax.random.split(jax.random.key(seed), (REPLICATES, chunks))
        joint, squares = np.zeros((REPLICATES, model.years, 2**model.n)), np.zeros((REPLICATES, 2**model.n))
        for replicate in range(REPLICATES):
            for part in range(chunks):
                found = one(keys[replicate, part])
                joint[replicate] += found[0]
                squares[replicate] += found[1]
        return Totals(joint, squares, chunks * chunk * REPLICATES)

    return run


def _each_year(joint: Callable[[int], Array], years: int) -> Array:
    return np.stack([joint(year) for year in range(years)])


def sums(xp: Any, model: PeerModel, z: Array, each_year: Callable[[Callable[[Any], Array], int], Array]) -> Any:
    """Sums over the iterations z [iterations, dimensions]: joints [T, S] and squares at the target year [S]."""
    n = model.n
    mu, sd, initial, speed = (column[:, 0] for column in (model.mu, model.sd, model.initial, model.speed))
    theta = mu + sd * z[:, :n]
    midpoint = model.midpoint[:, 0] + model.midpoint_sd[:, 0] * z[:, n : 2 * n]
    strength = model.strength[:, 0] * xp.maximum(0, 1 + model.cv * z[:, 2 * n :])
    pulls = [strength[:, pull.influences] @ pull.slopes for pull in model.pulls]
    base, end = _sigmoid(xp, -speed * midpoint), _sigmoid(xp, speed * (model.years - 1 - midpoint))

    def joint(year: Any) -> Array:
        gone = (_sigmoid(xp, speed * (year - midpoint)) - base) / (end - base)
        return _joint(xp, model, initial + gone * (theta - initial), pulls)

    target = joint(model.target)
    return each_year(lambda year: joint(year).sum(axis=0), model.years), (target**2).sum(axis=0)


def _joint(xp: Any, model: PeerModel, level: Array, pulls: list[Array]) -> Array:
    """The joint [iterations, S] of one year: the product of the components' probabilities."""
    is_a = (1 - letters(model.n)).astype(np.float32)
    alone = _sigmoid(xp, level)
    given = []
    for h in range(model.n):
        logit = level[:, h, None]
        for pull, slope in zip(model.pulls, pulls, strict=True):
            if pull.target == h:
                logit = logit + slope[:, None] * (is_a[:, pull.source] - alone[:, pull.source, None])
        given.append(_sigmoid(xp, (2 * is_a[:, h] - 1) * logit))
    factors = [
        given[members[0]] if len(members) == 1 else _pair(xp, model.n, *members, given) for members in model.components
    ]
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def _pair(xp: Any, n: int, i: int, j: int, given: list[Array]) -> Array:
    """Stationary distribution [iterations, S] of the scan over i, j (MODEL.md 3): i goes B to A with `rise`."""
    take = partial(xp.take, axis=1 + i)
    one, two = (given[h].reshape(-1, *(2,) * n) for h in (i, j))
    rise = (take(two, 1) * take(one, 0)).sum(axis=j, keepdims=True)
    fall = (take(two, 0) * take(one, 1)).sum(axis=j, keepdims=True)
    a = rise / (rise + fall)
    return (xp.stack([a, 1 - a], axis=1 + i) * two).reshape(-1, 2**n)


def _sigmoid(xp: Any, x: Array) -> Array:
    return 1 / (1 + xp.exp(-x))
