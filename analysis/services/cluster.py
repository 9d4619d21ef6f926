"""Where runs are computed: in their worker, or on the Dask cluster that is configured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from aifutures_site.config import get_config
from analysis.engine.simulate import Cluster

CLUSTER_ITERATIONS = 1_000_000
"""Shorter runs end in their worker before a cluster would have begun."""


def cluster_address(*, iterations: int) -> str | None:
    """The Dask scheduler that a run of so many iterations is handed to; None where its worker computes it itself."""
    config = get_config()
    wanted = config.service.enable_distributed and config.computation.optimization.enable_jit
    return config.service.dask_scheduler_address if wanted and iterations >= CLUSTER_ITERATIONS else None


@contextlib.contextmanager
def cluster_at(address: str | None) -> Iterator[Cluster | None]:
    """The cluster there, while the block lasts; none for no address. Raises ClusterLost."""
    if address is None:
        yield None
        return
    from analysis.engine.distributed import connected  # noqa: PLC0415 - takes half a second, which few runs need

    with connected(address) as cluster:
        yield cluster
