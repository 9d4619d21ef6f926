"""`python -m bench.what_if`: what-if questions through the queue, from asking to the answer, while a long run goes on.

An installation of its own in a temporary folder (SQLite, the embedded Redis on a unix socket), with the two workers
that `serve` starts. Ends by itself within some minutes.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles

import django

QUESTIONS = 100
ITERATIONS = 100_000_000
START_SECONDS = 300
"""A slow machine may need minutes to compile the engine, once."""


def main() -> None:
    """Print the times of the questions, first with nothing else to do, then beside the run."""
    with tempfile.TemporaryDirectory(prefix="aifutures bench ") as folder:
        _configure(Path(folder))
        from aifutures_site.embedded import embedded_redis  # noqa: PLC0415 - needs the settings

        with embedded_redis(Path(folder)), _worker("interactive"), _worker("default", "analysis"):
            _measure()


def _configure(folder: Path) -> None:
    """An installation of its own, whatever the environment says of another one."""
    from aifutures_site.environment import PROJECT  # noqa: PLC0415

    os.environ.setdefault("NUMBA_CACHE_DIR", str(PROJECT / "var" / "numba"))
    for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL", "AIFUTURES_CONFIG"):
        os.environ.pop(name, None)
    os.environ |= {"DATA_DIR": str(folder), "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "aifutures_site.settings"}
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)


@contextlib.contextmanager
def _worker(*queues: str) -> Iterator[None]:
    """A worker process that is ready, for as long as the block lasts."""
    import django_rq  # noqa: PLC0415
    from rq import Worker  # noqa: PLC0415

    from aifutures_site.environment import PROJECT  # noqa: PLC0415
    from aifutures_site.processes import spawn, stop  # noqa: PLC0415

    options = [part for queue in queues for part in ("--queue", queue)]
    process = spawn([sys.executable, str(PROJECT / "manage.py"), "worker", *options])
    try:
        _wait(lambda: Worker.count(queue=django_rq.get_queue(queues[0])) or process.poll() is not None, "a worker")
        yield
    finally:
        stop(process, 8)


def _measure() -> None:
    from analysis.engine.spec import with_run  # noqa: PLC0415
    from analysis.models import AnalysisRun  # noqa: PLC0415
    from analysis.services.lifecycle import computation_cancel  # noqa: PLC0415
    from analysis.services.model_documents import published_study  # noqa: PLC0415
    from analysis.services.runs import run_create  # noqa: PLC0415

    run = run_create(document=with_run(published_study(), iterations=4096), owner=None)
    _wait(lambda: AnalysisRun.objects.get(pk=run.pk).is_final, "a short run")
    _report("nothing else to do", run)
    long = run_create(document=with_run(published_study(), iterations=ITERATIONS), owner=None)
    _wait(lambda: AnalysisRun.objects.get(pk=long.pk).rate, "the long run")
    _report(f"beside a run of {ITERATIONS:,}", run)
    long = AnalysisRun.objects.get(pk=long.pk)
    where = f"{long.iterations_completed:,} iterations done, {long.rate or 0:,.0f} per second"
    print(f"  the run meanwhile: {long.get_status_display().lower()}, {where}")
    computation_cancel(computation=long, actor=None)


def _report(title: str, run: object) -> None:
    """Ask, and print the median, the slowest tenth and what the engine takes of it."""
    from analysis.services.what_if import what_if_ask  # noqa: PLC0415

    numbers = random.Random(42)  # noqa: S311 - positions of a slider
    times, engine = [], []
    for _ in range(QUESTIONS + 1):
        request = {"overrides": {"priors": {"H1": round(numbers.uniform(0.05, 0.95), 3)}}}
        begun = time.perf_counter()
        answer = what_if_ask(user=None, run=run, request=request)
        times.append(time.perf_counter() - begun)
        engine.append(answer["computation_time"])
    tenth = quantiles(times[1:], n=10)[-1]  # the first one loads the model
    print(
        f"{title}: {1e3 * median(times[1:]):.0f} ms in the median, {1e3 * median(engine[1:]):.0f} ms of it in the "
        f"engine; {1e3 * tenth:.0f} ms or more for the slowest tenth"
    )


def _wait(done: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: no sign of {what} within {START_SECONDS} s")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
