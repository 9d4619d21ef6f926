"""`python -m bench.distributed`: worker processes of a Dask cluster on this machine against threads of one process.

Ends with what a billion iterations would take on machines with cores like these, from the figures above it.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from statistics import median
from typing import NamedTuple

from analysis.engine import distributed
from analysis.engine.sampling import ROUND
from analysis.engine.simulate import Cluster, simulate
from analysis.engine.spec import ModelDocument, parse_model, with_run

CORES = os.cpu_count() or 1
MILLION = 10**6
SHORT, LONG = 2 * ROUND, 4 * MILLION
"""Iterations of the two runs: the first is what every run costs, the rest of the second are its iterations."""
REPEATS = 3
MACHINES, CORES_EACH = (1, 4, 16, 64), 16


class Speed(NamedTuple):
    """Seconds of a run with next to no iterations; seconds, and of CPU where it is computed, per further million."""

    fixed: float
    seconds: float
    cpu: float


def main() -> None:
    """Print each figure as soon as it is known."""
    document = parse_model(files("analysis.seeds").joinpath("published_study.json").read_bytes())
    print(f"Published study, {CORES} cores, {platform.machine()}, Python {platform.python_version()}; medians of three")
    print(f"{'':<20} {'s per million':>14} {'CPU s per million':>18} {'s for every run':>16}")
    simulate(with_run(document, iterations=ROUND))
    threads = {n: speed(document, time.process_time, threads=n) for n in (1, 2, 4) if n <= CORES}
    for n, found in threads.items():
        show(f"{n} thread{'s' * (n > 1)}", found)
    processes = {n: measured(document, n, threads[min(n, max(threads))]) for n in (1, 2, 4)}
    task = head_seconds(document)
    print(f"The process that has the run, with the scheduler: {1e3 * task:.1f} ms of CPU for each task of any length")
    estimate(processes[max(n for n in processes if n <= CORES)], task)


def show(what: str, found: Speed, more: str = "") -> None:
    """A line of the table."""
    print(f"{what:<20} {found.seconds:>14.3f} {found.cpu:>18.3f} {found.fixed:>16.2f}{more}", flush=True)


def measured(document: ModelDocument, count: int, local: Speed) -> Speed:
    """So many worker processes: their speed, what that is against as many threads, and their memory."""
    begun = time.perf_counter()
    with distributed.local_processes(count) as cluster:
        simulate(with_run(document, iterations=MILLION), cluster=cluster)  # every process has its kernels from here on
        ready = time.perf_counter() - begun

        def cpu() -> float:
            return sum(cluster.client.run(time.process_time).values())

        found = speed(document, cpu, cluster=cluster)
        peak = max(cluster.client.run(peak_memory).values())
    more = (
        f"   against {min(count, CORES)} threads: {found.seconds / local.seconds - 1:+.0%} time, "
        f"{found.cpu / local.cpu - 1:+.0%} CPU; warm after {ready:.0f} s, {peak / 1e6:.0f} MB each"
    )
    show(f"{count} worker process{'es' * (count > 1)}", found, more)
    return found


def speed(
    document: ModelDocument, cpu: Callable[[], float], *, threads: int | None = None, cluster: Cluster | None = None
) -> Speed:
    """Two lengths of a run, each three times, in turns; `cpu` tells the CPU seconds that were spent so far."""

    def run(iterations: int) -> tuple[float, float]:
        begun, spent = time.perf_counter(), cpu()
        simulate(with_run(document, iterations=iterations), threads=threads, cluster=cluster)
        return time.perf_counter() - begun, cpu() - spent

    pairs = [(run(SHORT), run(LONG)) for _ in range(REPEATS)]
    fixed = median(short[0] for short, _ in pairs)
    seconds, spent = (median(long[k] - short[k] for short, long in pairs) for k in (0, 1))
    return Speed(fixed, seconds * MILLION / (LONG - SHORT), spent * MILLION / (LONG - SHORT))


def head_seconds(document: ModelDocument) -> float:
    """CPU time of this process for one task: of two runs with tasks of one round, the second longer by so many."""
    with distributed.local_processes(1) as cluster, tasks_of_one_round():
        spent = partial(_spent, document, cluster)
        spent(200)
        return (spent(1200) - spent(200)) / 1000


def _spent(document: ModelDocument, cluster: Cluster, rounds: int) -> float:
    begun = time.process_time()
    simulate(with_run(document, iterations=rounds * ROUND), cluster=cluster)
    return time.process_time() - begun


@contextmanager
def tasks_of_one_round() -> Iterator[None]:
    """The smallest tasks there are: all overhead."""
    levels = distributed.FIRST_LEVEL, distributed.LAST_LEVEL
    distributed.FIRST_LEVEL = distributed.LAST_LEVEL = 0
    try:
        yield
    finally:
        distributed.FIRST_LEVEL, distributed.LAST_LEVEL = levels


def estimate(found: Speed, task: float) -> None:
    """A billion iterations on many machines: extrapolated, as if every core went on like these."""
    core_seconds = 1000 * found.cpu
    head = core_seconds / distributed.TASK_SECONDS * task
    print(f"Extrapolated to a billion iterations, {core_seconds / 60:.0f} minutes of one core:")
    for machines in MACHINES:
        cores = machines * CORES_EACH
        taken = max(core_seconds / cores, head) + found.fixed
        limit = "; that process is the limit" if head > core_seconds / cores else ""
        print(f"  {machines:>2} machines of {CORES_EACH} cores: {taken:6.1f} s{limit}")


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
