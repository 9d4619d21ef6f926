"""The study in JAX, written for speed: compiled by XLA for the CPU, on all cores.

float32; iterations lie side by side in the last axis, in chunks that stay in the cache: scanned over, as are the years.
An array over outcomes has one axis per hypothesis, A at 0 and B at 1, of length 1 where nothing depends on it, so that
only the configurations of each hypothesis's parents get a sigmoid. Every core is a device with its share of replicates.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from .peer import REPLICATES, PeerModel, Totals

CHUNKS = (256, 512, 768)
DEVICES = max(k for k in (1, 2, 4, 8, 16) if k <= (os.cpu_count() or 1))
"""Cores in use: as many as share 16 replicates evenly."""

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", DEVICES)

Run = Callable[[int], Totals]


def compiled(model: PeerModel, chunk: int, iterations: int) -> Run:
    """Compile a run of at least `iterations` iterations, in whole chunks for each replicate; call it with a seed."""
    chunks = -(-iterations // (REPLICATES * chunk))

    def replicate(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        def step(sums: tuple[jax.Array, jax.Array], key: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
            joint, squares = _chunk(model, jax.random.normal(key, (model.dimensions, chunk), jnp.float32))
            return (sums[0] + joint, sums[1] + squares), None

        zero = jnp.zeros((model.years, 2**model.n)), jnp.zeros(2**model.n)
        return lax.scan(step, zero, jax.random.split(key, chunks))[0]

    def share(seeds: jax.Array) -> tuple[jax.Array, jax.Array]:
        # JAX's fastest generator on a CPU
        return lax.map(lambda seed: replicate(jax.random.key(seed, impl="rbg")), seeds)

    mesh, split = Mesh(np.array(jax.devices()), ("core",)), PartitionSpec("core")
    whole = jax.jit(jax.shard_map(share, mesh=mesh, in_specs=split, out_specs=split, check_vma=False))
    ready = whole.lower(jax.ShapeDtypeStruct((REPLICATES,), jnp.uint32)).compile()

    def run(seed: int) -> Totals:
        joint, squares = ready(np.arange(seed * REPLICATES, (seed + 1) * REPLICATES, dtype=np.uint32))
        return Totals(np.asarray(joint, float), np.asarray(squares, float), chunks * chunk * REPLICATES)

    return run


def _chunk(model: PeerModel, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Sums over a chunk: joints [T, S], squares at the target year [S]."""
    n, ones = model.n, jnp.ones(z.shape[1], jnp.float32)
    away = model.mu + model.sd * z[:n] - model.initial
    midpoint = model.midpoint + model.midpoint_sd * z[n : 2 * n]
    strength = model.strength * jnp.maximum(0, 1 + model.cv * z[2 * n :])
    slopes = [pull.slopes @ strength[pull.influences] for pull in model.pulls]
    start = _sigmoid(-model.speed * midpoint)
    scale = away / (_sigmoid(model.speed * (model.years - 1 - midpoint)) - start)

    def joint(year: jax.Array) -> jax.Array:
        level = model.initial + (_sigmoid(model.speed * (year - midpoint)) - start) * scale
        return _joint(model, level, slopes)

    target = joint(jnp.float32(model.target))
    # the product with ones is faster than a sum, which XLA would fuse with what it adds up
    return lax.map(lambda year: joint(year) @ ones, jnp.arange(model.years, dtype=jnp.float32)), target**2 @ ones


def _joint(model: PeerModel, level: jax.Array, slopes: list[jax.Array]) -> jax.Array:
    """The joint of one year [S, iterations], the product of the components."""
    alone = _sigmoid(level)
    logits = [z.reshape((1,) * model.n + z.shape) for z in level]
    for pull, slope in zip(model.pulls, slopes, strict=True):
        p = alone[pull.source]
        logits[pull.target] += _along(model, pull.source, slope * (1 - p), -slope * p)
    given = []
    for h, z in enumerate(logits):
        a = _sigmoid(z)
        given.append(jnp.concatenate([a, 1 - a], axis=h))
    factors = [
        given[members[0]] if len(members) == 1 else _pair(members[0], members[1], given) for members in model.components
    ]
    return reduce(jnp.multiply, factors).reshape(2**model.n, -1)


def _along(model: PeerModel, h: int, if_a: jax.Array, if_b: jax.Array) -> jax.Array:
    return jnp.stack([if_a, if_b]).reshape(*(2 if k == h else 1 for k in range(model.n)), -1)


def _pair(i: int, j: int, given: list[jax.Array]) -> jax.Array:
    """Stationary distribution of the scan over i, j (MODEL.md 3): i goes B to A with `rise`, back with `fall`."""

    def when(x: jax.Array, outcome: int) -> jax.Array:
        return lax.slice_in_dim(x, outcome, outcome + 1, axis=i)

    one, two = given[i], given[j]
    rise = (when(two, 1) * when(one, 0)).sum(axis=j, keepdims=True)
    fall = (when(two, 0) * when(one, 1)).sum(axis=j, keepdims=True)
    a = rise / (rise + fall)
    return jnp.concatenate([a, 1 - a], axis=i) * two


def _sigmoid(x: jax.Array) -> jax.Array:
    return 1 / (1 + jnp.exp(-x))
