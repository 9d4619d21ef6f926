"""The Monte Carlo run (MODEL.md 4): slices of rounds on plain threads or a cluster, progress, stopping, checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from . import ENGINE_VERSION
from .estimate import Reporting, max_half_width, reporting
from .kernel import Program, run_blocks, run_sample
from .program import compile_program
from .reference import Reference
from .result import build_result
from .sampling import REPLICATES, ROUND
from .spec import ModelDocument, input_hash, with_run
from .stopping import Stopped
from .tally import Tally

Floats = NDArray[np.floating]

SAMPLE_ITERATIONS = 8192
SAMPLE_BYTES = 64 * 2**20
CHUNK = 10_240
"""Iterations that a thread takes at a time: scheduling only."""
_BATCH_BYTES = 64 * 2**20
REFERENCE = "reference"
"""The backend of plain NumPy, always in float64."""


class Progress(NamedTuple):
    """A snapshot of a run; `rate` in iterations per second, `max_half_width` of the probabilities so far."""

    completed: int
    total: int
    rate: float
    eta_seconds: float
    max_half_width: float


class Backend(NamedTuple):
    """What computes the joints: `run_blocks` and `run_sample` of `kernel` without their first argument."""

    name: str
    program: Program
    run_blocks: Callable[[int, Floats, Floats, NDArray[np.int64]], None]
    run_sample: Callable[[int, int, Floats], None]


def compiled(document: ModelDocument) -> Backend:
    """What computes a model in compiled code."""
    program = compile_program(document)
    return Backend("local", program, partial(run_blocks, program), partial(run_sample, program))


def _reference(document: ModelDocument) -> Backend:
    program = compile_program(with_run(document, dtype="float64"))
    reference = Reference(document, program.reference)
    return Backend(REFERENCE, program, reference.run_blocks, reference.run_sample)


class Stream(Protocol):
    """The rounds of one run as other processes compute them."""

    def take(self, seconds: float) -> Sequence[Tally]:
        """The next rounds in their order, as nodes of the tally's tree; none if none are ready in so many seconds."""


class Cluster(Protocol):
    """Other processes that compute rounds: `distributed.DaskCluster`."""

    name: str

    @property
    def threads(self) -> int:
        """How many threads they have in all, as far as is known."""

    def stream(self, document: ModelDocument, rounds: range) -> Stream:
        """Begin to compute these rounds. Raises ClusterLost, as does what it gives."""


class ClusterLost(Exception):
    """The cluster cannot compute the run, or not any more; `checkpoint`, if there is one, lets it go on elsewhere."""

    checkpoint: bytes | None = None


def rounded_iterations(iterations: int) -> int:
    """Iterations that are really run: the next multiple of 4,096."""
    return -(-iterations // ROUND) * ROUND


def run_key(document: ModelDocument) -> str:
    """What identifies a run's numbers: the input hash and the engine version."""
    return f"{input_hash(document)}@{ENGINE_VERSION}"


def simulate(
    document: ModelDocument,
    *,
    jit: bool = True,
    threads: int | None = None,
    chunk: int = CHUNK,
    cluster: Cluster | None = None,
    slice_seconds: float = 1.0,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_checkpoint: Callable[[Callable[[], bytes]], None] | None = None,
    checkpoint: bytes | None = None,
) -> dict[str, Any]:
    """Run the model and return its result document (MODEL.md 5).

    The callbacks are called between slices of about `slice_seconds`, one round of 4,096 iterations at least;
    `on_checkpoint` gets a function that makes the checkpoint. The numbers do not depend on threads, chunk,
    slices, a cluster, or on having been stopped and gone on from a checkpoint, here or there. Raises Stopped when
    `should_stop` says so, CheckpointError for a checkpoint of another run, ImpossibleObservation if what is observed
    cannot happen, ClusterLost if `cluster` fails. Without `jit` the plain NumPy reference runs, always in float64 and
    always here; ModelError if that is too much for it.
    """
    run = _Run(document, jit, threads or os.cpu_count() or 1, chunk, checkpoint, cluster=cluster if jit else None)
    with ThreadPoolExecutor(run.threads) as pool:
        while True:
            run.slice(pool, slice_seconds)
            if on_progress is not None:
                on_progress(run.progress())
            if run.finished:
                return run.result(pool)
            if should_stop is not None and should_stop():
                raise Stopped("the run was stopped", run.checkpoint())
            if on_checkpoint is not None:
                on_checkpoint(run.checkpoint)


def simulate_sums(
    document: ModelDocument,
    *,
    jit: bool = True,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Floats:
    """Run the model for its means alone: the sums of the joint [16 replicates, T, S], without observations.

    The numbers are those of `simulate`, whose quantiles take most of the time of a short run. `on_progress` is called
    as there, about four times a second. Raises as it does.
    """
    run = _Run(document, jit, threads or os.cpu_count() or 1, CHUNK, None)
    with ThreadPoolExecutor(run.threads) as pool:
        while not run.finished:
            run.slice(pool, seconds=0.25)
            if on_progress is not None:
                on_progress(run.progress())
    return run.tally.total().joint


def sample_joint(document: ModelDocument, *, jit: bool = True, threads: int | None = None) -> Floats:
    """The joints [T, S, draws] of the run's first iterations: those that its quantiles come from (MODEL.md 4)."""
    run = _Run(document, jit, threads or os.cpu_count() or 1, CHUNK, None)
    with ThreadPoolExecutor(run.threads) as pool:
        return run.sample(pool, run.rounds * ROUND)


class _Run:
    """One run in progress: what computes it, the tally, and when to stop."""

    def __init__(
        self,
        document: ModelDocument,
        jit: bool,
        threads: int,
        chunk: int,
        checkpoint: bytes | None,
        *,
        cluster: Cluster | None = None,
    ) -> None:
        self.document = document
        self.threads = threads
        self.resumed = time.perf_counter()
        self.backend = compiled(document) if jit else _reference(document)
        self.key = f"{run_key(document)}/{self.backend.name}"
        self.rounds = rounded_iterations(document.run.iterations) // ROUND
        self.tally = Tally() if checkpoint is None else Tally.from_bytes(checkpoint, self.key)
        self.started = self.resumed - self.tally.seconds
        self.begun_at = self.tally.iterations
        self.shown: Reporting = reporting(document)
        self.chunk_blocks = max(1, chunk * REPLICATES // ROUND)
        per_round = REPLICATES * len(document.years) * 2 ** len(document.codes) * 8
        wanted = -(-4 * threads * self.chunk_blocks // REPLICATES)
        self.batch_rounds = max(1, min(wanted, _BATCH_BYTES // per_round))
        self.cluster = cluster
        self.stream: Stream | None = None

    @property
    def converged(self) -> bool:
        """Whether the latest look, after 4,096 * 2^k iterations, found every half-width below the threshold."""
        threshold = self.document.settings.monte_carlo.convergence_threshold
        return bool(self.tally.trace) and self.tally.trace[-1][1] < threshold

    @property
    def finished(self) -> bool:
        early = self.document.run.stop_when_converged and self.converged
        return self.tally.rounds >= self.rounds or (early and self.tally.iterations == self.tally.trace[-1][0])

    def slice(self, pool: ThreadPoolExecutor, seconds: float) -> None:
        """Simulate a round at least, then as many as fit into `seconds`, or until the run has finished.

        With a cluster the first round is simulated here, so that there is something to tell from the beginning; of the
        others those are taken that are ready.
        """
        end = time.perf_counter() + seconds
        if self.cluster is None:
            self._simulate(pool, end)
        elif self.tally.rounds == 0:
            self._simulate(pool, 0.0)
        else:
            self._gather(self.cluster, end)
        self.tally.seconds = time.perf_counter() - self.started

    def _simulate(self, pool: ThreadPoolExecutor, end: float) -> None:
        batch = 1
        while batch and not self.finished:
            next_look = 1 << self.tally.rounds.bit_length()
            batch = min(batch, self.rounds - self.tally.rounds, next_look - self.tally.rounds)
            begun = time.perf_counter()
            self._simulate_rounds(pool, batch)
            per_round = (time.perf_counter() - begun) / batch
            self._look()
            batch = max(0, min(self.batch_rounds, int((end - time.perf_counter()) / per_round)))

    def _gather(self, cluster: Cluster, end: float) -> None:
        try:
            if self.stream is None:
                self.stream = cluster.stream(self.document, range(self.tally.rounds, self.rounds))
            while not self.finished and (left := end - time.perf_counter()) > 0:
                self._merge(self.stream.take(left))
        except ClusterLost as lost:
            lost.checkpoint = self.checkpoint()
            raise

    def _merge(self, parts: Sequence[Tally]) -> None:
        for part in parts:
            if self.finished:  # at the look before: what was computed beyond it does not count
                break
            self.tally.extend(part)
            self._look()

    def _look(self) -> None:
        """After 1, 2, 4, ... rounds: how wide the intervals are."""
        if self.tally.rounds & (self.tally.rounds - 1) == 0:
            width = max_half_width(self.tally.total().joint, self.shown, self.document.base_year)
            self.tally.trace.append((self.tally.iterations, width))

    def _simulate_rounds(self, pool: ThreadPoolExecutor, rounds: int) -> None:
        blocks = rounds * REPLICATES
        first = self.tally.rounds * REPLICATES
        shape = (len(self.document.years), 2 ** len(self.document.codes))
        sums = np.empty((blocks, *shape))
        squares = np.empty((blocks, len(self.shown.codes)))
        sweeps = np.empty((blocks, 2), dtype=np.int64)

        def work(start: int) -> None:
            part = slice(start, min(start + self.chunk_blocks, blocks))
            self.backend.run_blocks(first + start, sums[part], squares[part], sweeps[part])

        list(pool.map(work, range(0, blocks, self.chunk_blocks)))
        for index in range(rounds):
            part = slice(index * REPLICATES, (index + 1) * REPLICATES)
            self.tally.add(sums[part], squares[part], sweeps[part])

    def progress(self) -> Progress:
        done, total = self.tally.iterations, self.rounds * ROUND
        rate = (done - self.begun_at) / max(time.perf_counter() - self.resumed, 1e-9)
        width = max_half_width(self.tally.total().joint, self.shown, self.document.base_year)
        return Progress(done, total, rate, (total - done) / rate if rate else 0.0, width)

    def checkpoint(self) -> bytes:
        return self.tally.to_bytes(self.key)

    def sample(self, pool: ThreadPoolExecutor, iterations: int) -> NDArray[np.floating]:
        """The joints [T, S, draws] of the first of so many iterations of every replicate, for quantiles."""
        years, states = len(self.document.years), 2 ** len(self.document.codes)
        kind = self.backend.program.mu.dtype
        affordable = SAMPLE_BYTES // (REPLICATES * years * states * kind.itemsize)
        each = max(1, min(iterations, SAMPLE_ITERATIONS) // REPLICATES)
        each = min(each, affordable)
        sample = np.empty((years, states, each * REPLICATES), dtype=kind)

        def work(replicate: int) -> None:
            self.backend.run_sample(replicate, each, sample[:, :, replicate * each : (replicate + 1) * each])

        list(pool.map(work, range(REPLICATES)))
        return sample

    def result(self, pool: ThreadPoolExecutor) -> dict[str, Any]:
        result = build_result(
            self.document,
            program=self.backend.program,
            shown=self.shown,
            tally=self.tally,
            sample=self.sample(pool, self.tally.iterations),
            pool=pool,
        )
        result["computation_time"] = time.perf_counter() - self.started
        by = self.backend if self.cluster is None else self.cluster
        threads = self.threads if self.cluster is None else self.cluster.threads
        result["metadata"] |= {"threads": threads, "backend": by.name}
        return result
