"""Where the sockets' database work is done, so that the event loop never waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")

THREADS, HUB_THREADS = 4, 2
"""And so many connections to the database at most, of one server process's sockets."""

_pool = ThreadPoolExecutor(THREADS, "sockets")
_hub_pool = ThreadPoolExecutor(HUB_THREADS, "hub")


def database(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The function as a coroutine function; its connection to the database is closed behind it."""
    return database_sync_to_async(function, thread_sensitive=False, executor=_pool)


def hub_database(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same for the hub: what it has to tell does not wait behind a thousand sockets that come at once."""
    return database_sync_to_async(function, thread_sensitive=False, executor=_hub_pool)
