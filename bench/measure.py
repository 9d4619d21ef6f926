"""What `python -m bench` measures, of the engine and of its peers. Times are medians of three, in seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from analysis.engine.sampling import BLOCK, REPLICATES, draw_pseudo, draw_sobol, sobol_tables, to_normals
from analysis.engine.simulate import simulate
from analysis.engine.spec import ModelDocument, with_run
from analysis.engine.what_if import what_if

from . import numpy_model, plain_model
from .peer import PeerModel, Sums, Totals

REPEATS = 3
MILLION = 1_000_000
PLAIN_ITERATIONS = 16_000
NUMPY_ITERATIONS = 65_536
JAX_ITERATIONS = 200_000
"""Half a second at least, and enough for three digits of a probability."""


class Peer(NamedTuple):
    """The fastest of the chunk sizes that were tried, and its totals at the target year over all runs."""

    seconds_per_million: float
    chunk: int
    mean: Sums
    error: Sums


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def typical(work: Callable[[], object]) -> float:
    """Median wall time of three calls."""
    return median(seconds(work) for _ in range(REPEATS))


def engine(document: ModelDocument, iterations: int, threads: int | None = None) -> float:
    """A whole run with all its outputs and intervals, compiled code loaded."""
    run = with_run(document, iterations=iterations)
    return typical(lambda: simulate(run, threads=threads))


def per_million(document: ModelDocument) -> float:
    """What each further million iterations take, from two runs of a second or so."""
    half, whole = (engine(document, k * MILLION // 2) for k in (1, 2))
    return 2 * (whole - half)


def what_ifs(document: ModelDocument, threads: int, questions: int = 31) -> float:
    """Median wall time of answering a what-if, every one another, the base model's answer known."""
    what_if(document, threads=threads)
    places = iter(np.linspace(0.1, 0.9, questions))
    return median(
        seconds(lambda: what_if(document, overrides={"posteriors": {"H2": float(next(places))}}, threads=threads))
        for _ in range(questions)
    )


def plain_numpy_peer(model: PeerModel) -> Peer:
    """The plainly written NumPy peer with the best of its chunk sizes."""

    def prepare(chunk: int) -> Callable[[int], Totals]:
        return lambda seed: plain_model.numpy_run(model, chunk, PLAIN_ITERATIONS, seed)

    return _fastest(prepare, plain_model.CHUNKS, model.target)


def plain_jax_peer(model: PeerModel) -> Peer:
    """The plainly written JAX peer with the best of its chunk sizes, compiled beforehand."""
    return _fastest(
        lambda chunk: plain_model.jax_compiled(model, chunk, PLAIN_ITERATIONS), plain_model.CHUNKS, model.target
    )


def numpy_peer(model: PeerModel) -> Peer:
    """The NumPy peer with the best of its chunk sizes."""

    def prepare(chunk: int) -> Callable[[int], Totals]:
        return lambda seed: numpy_model.simulate(model, chunk, NUMPY_ITERATIONS, seed)

    return _fastest(prepare, numpy_model.CHUNKS, model.target)


def jax_peer(model: PeerModel) -> tuple[Peer, int]:
    """The JAX peer with the best of its chunk sizes, compiled beforehand, and the cores that it uses."""
    # only now: JAX's threads and memory must not weigh on what is measured before
    from . import jax_model  # noqa: PLC0415

    peer = _fastest(lambda chunk: jax_model.compiled(model, chunk, JAX_ITERATIONS), jax_model.CHUNKS, model.target)
    return peer, jax_model.DEVICES


def _fastest(prepare: Callable[[int], Callable[[int], Totals]], chunks: tuple[int, ...], target: int) -> Peer:
    tried = []
    for chunk in chunks:
        run = prepare(chunk)
        run(0)
        times, totals = [], []
        for seed in range(1, REPEATS + 1):
            start = time.perf_counter()
            totals.append(run(seed))
            times.append(time.perf_counter() - start)
        tried.append(_summary(median(times), chunk, totals, target))
    return min(tried, key=lambda peer: peer.seconds_per_million)


def _summary(seconds: float, chunk: int, runs: list[Totals], target: int) -> Peer:
    """Means of the target year and their standard errors, from the second moments of independent draws."""
    iterations = sum(run.iterations for run in runs)
    mean = sum(run.joint[:, target].sum(axis=0) for run in runs) / iterations
    variance = sum(run.squares.sum(axis=0) for run in runs) / iterations - mean**2
    return Peer(seconds * MILLION / runs[0].iterations, chunk, mean, np.sqrt(variance / iterations))


def probabilities(document: ModelDocument, iterations: int) -> Sums:
    """The engine's scenario probabilities at the target year."""
    return np.array(list(simulate(with_run(document, iterations=iterations))["scenario_probabilities"].values()))


def fresh(path: Path, iterations: int) -> tuple[float, int]:
    """A simulation in a new process: seconds from start to end, and peak memory in bytes."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "bench.fresh", str(path), str(iterations)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return time.perf_counter() - start, peak


def sampling(document: ModelDocument, blocks: int = 2_000) -> dict[str, float]:
    """Nanoseconds per standard normal on one core: the engine's two samplers, and NumPy's generator."""
    dimensions = 2 * len(document.codes) + len(document.influences)
    low, high = sobol_tables(1, dimensions)
    words = np.empty((-(-dimensions // 4) * 4, BLOCK), dtype=np.uint32)
    normals = np.empty((dimensions, BLOCK), dtype=np.float32)
    rng = np.random.Generator(np.random.SFC64(1))

    def sobol(block: int) -> None:
        draw_sobol(block % REPLICATES, block // REPLICATES, low, high, words)
        to_normals(words, normals)

    def pseudo(block: int) -> None:
        draw_pseudo(block * BLOCK, np.uint64(1), words)
        to_normals(words, normals)

    def generator(block: int) -> None:
        rng.standard_normal(dtype=np.float32, out=normals)

    found = {}
    for name, draw in {"sobol": sobol, "pseudo": pseudo, "NumPy": generator}.items():
        draw(0)
        found[name] = typical(partial(_each, draw, blocks)) / (blocks * normals.size) * 1e9
    return found


def _each(draw: Callable[[int], None], blocks: int) -> None:
    for block in range(blocks):
        draw(block)
