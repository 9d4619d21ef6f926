"""How much of the machine a process gives to the engine."""

from __future__ import annotations

import os
from functools import cache

from aifutures_site.config import get_config


@cache
def engine_threads() -> int:
    """Threads that this process gives to the engine: every core it may use, unless configured otherwise."""
    config = get_config()
    if not config.computation.parallel_processing.enable:
        return 1
    return config.service.engine_threads or len(os.sched_getaffinity(0))
