"""The site under ASGI, in this process."""

from __future__ import annotations

import contextlib
import gc

from aifutures_site import handlers


@contextlib.contextmanager
def handler():
    """Django as daphne has it; its threads, and the connections that they keep, end with the block."""
    handlers._waits.cache_clear()
    made = handlers.Handler()
    yield made
    made._synchronous._pool.shutdown()
    gc.collect()  # connections are closed as they are forgotten
    handlers._waits.cache_clear()
