"""The kernels that a worker's queues need, compiled or read from disk before its first job."""

from __future__ import annotations

from collections.abc import Collection

from aifutures_site.config import get_config
from analysis.choices import WorkQueue
from analysis.engine.kernel_cache import one_at_a_time
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.simulate import simulate
from analysis.engine.spec import with_run
from analysis.engine.what_if import what_if
from analysis.services.model_documents import published_study

_PRECISIONS = {
    WorkQueue.INTERACTIVE: {"float64"},
    WorkQueue.DEFAULT: {"float32", "float64"},
    WorkQueue.ANALYSIS: {"float32"},
}
"""Runs and reports are in float32, unless they ask for more; what-if questions and sensitivity studies in float64."""


def precisions(queues: Collection[WorkQueue]) -> list[str]:
    """What `warm_up` prepares for these queues: float32, float64 or both."""
    return sorted(set().union(*(_PRECISIONS[queue] for queue in queues)))


def warm_up(queues: Collection[WorkQueue]) -> None:
    """Have what the queues' jobs run compiled, or read from the cache on disk, so that none of them waits for it.

    Compiling takes half a minute for each precision, once for all processes that share the cache.
    """
    study, jit = published_study(), get_config().computation.optimization.enable_jit
    if jit and "float32" in precisions(queues):
        with one_at_a_time("float32"):
            simulate(with_run(study, iterations=1), threads=1)
    if WorkQueue.DEFAULT in queues:
        with one_at_a_time("float64"):
            sensitivity_study(study, parse_request(study, {"method": "local"}), threads=1)
    if jit and WorkQueue.INTERACTIVE in queues:
        with one_at_a_time("float64"):
            what_if(study, threads=1)
