"""How much of the machine's memory a worker may take."""

from __future__ import annotations

import resource

from aifutures_site.config import get_config


def memory_bound() -> None:
    """Let what this process has of its own end at `memory_limit_gb`, where that is configured.

    Work that asks for more gets a MemoryError, and its run a reason, where the kernel would otherwise kill whatever
    process it likes. (Linux counts all writable memory for this; other systems count less or nothing.)
    """
    limit = get_config().computation.optimization.memory_limit_gb
    if limit is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = int(limit * 2**30)
        resource.setrlimit(
            resource.RLIMIT_DATA, (wanted if soft == resource.RLIM_INFINITY else min(wanted, soft), hard)
        )
