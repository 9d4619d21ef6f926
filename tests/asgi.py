"""The site under ASGI, in this process."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from aifutures_site import handlers


@contextlib.contextmanager
def handler():
    """Django as daphne has it; its threads, and the connections that they keep, end with the block."""
    handlers._waits.cache_clear()
    made = handlers.Handler()
    try:
        yield made
    finally:
        _end(made._synchronous._pool)
        handlers._waits.cache_clear()


def _end(pool: ThreadPoolExecutor) -> None:
    """Close the connections of each thread, in that thread, and end it."""
    everybody_is_here = Barrier(handlers.THREADS)

    def leave() -> None:
        everybody_is_here.wait(60)
        connections.close_all()

    for left in [pool.submit(leave) for _ in range(handlers.THREADS)]:
        left.result()
    pool.shutdown()
