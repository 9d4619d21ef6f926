"""Long waits that hold no thread: what the client prefers (RFC 7240), and looking until a row has ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from asgiref.sync import SyncToAsync, sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from analysis.progress import changes_channel

LONGEST_WAIT = 25
"""Seconds: below the patience of the usual proxies."""
LOOK_AGAIN = 2.0
"""Seconds between two looks where nothing is heard: word of a change may be lost."""
SOONEST_RETRY, LATEST_RETRY = 2, 60
"""Seconds after which a client that did not wait for the end may ask again."""

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`wait=N`: wait at most N seconds for the end ({LONGEST_WAIT} at most, and by default); "
    "`respond-async`: do not wait.",
)
PREFERENCE_APPLIED = OpenApiParameter(
    "Preference-Applied",
    str,
    OpenApiParameter.HEADER,
    response=[200, 202],
    description="Which of the preferences in Prefer were followed, and how: `wait=25` for a longer one.",
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, response=[202], description="Seconds until asking again is worth it."
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A name for this request of your own making. Sent again within 24 hours, the same request is answered "
    "with what was begun the first time; another body with the same key is refused (422).",
)


class Ending(Protocol):
    """Something that a worker brings to its end."""

    @property
    def is_final(self) -> bool:
        """Whether the work has ended."""


RowT = TypeVar("RowT", bound=Ending)
T = TypeVar("T")


class Preferences(NamedTuple):
    """How a client would be answered (RFC 7240): the seconds that it names, and whether the work may go on meanwhile.

    `wait` is None where it names none, or where nobody is there to wait for.
    """

    wait: int | None
    respond_async: bool
    seconds: float

    def without_waiting(self) -> Preferences:
        """The same where there is no sense in waiting."""
        return self._replace(wait=None, seconds=0)

    def applied(self, *, goes_on: bool) -> dict[str, str]:
        """Preference-Applied of an answer, as headers; `goes_on`: it is 202, not what was waited for."""
        followed = ["respond-async"] if self.respond_async and goes_on else []
        followed += [f"wait={self.wait}"] if self.wait is not None else []
        return {"Preference-Applied": ", ".join(followed)} if followed else {}


def preferences_of(request: HttpRequest) -> Preferences:
    """How the client would wait; preferences that make no sense are passed over, as RFC 7240 says."""
    preferences: dict[str, str] = {}
    for part in request.headers.get("Prefer", "").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        preferences.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = preferences.get("wait", "")
    if wait.isascii() and wait.isdecimal() and len(wait) < 10:
        seconds = min(int(wait), LONGEST_WAIT)
        return Preferences(seconds, "respond-async" in preferences, seconds)
    respond_async = "respond-async" in preferences
    return Preferences(None, respond_async, 0 if respond_async else LONGEST_WAIT)


def retry_after(eta_seconds: float | None = None) -> dict[str, str]:
    """Retry-After, as headers, of work that is expected to end in so many seconds; None: nobody knows."""
    return {"Retry-After": str(min(max(math.ceil(eta_seconds or 0), SOONEST_RETRY), LATEST_RETRY))}


async def settled(look: Callable[[], RowT], seconds: float, *, name: str) -> RowT:
    """What `look` gives once it has ended, or as it is when the time is up; changes are told by its `name`.

    Between two looks the event loop listens to Redis alone: no thread works and no connection to the database is open,
    however many clients wait.
    """
    deadline = time.monotonic() + seconds
    row = await looked(look)
    if row.is_final or seconds <= 0:
        return row
    try:
        async with Redis.from_url(settings.REDIS_URL) as redis, redis.pubsub() as heard:
            await heard.subscribe(changes_channel(name))
            while not row.is_final and (left := deadline - time.monotonic()) > 0:
                # the first message says that it is listened to: what came before is seen by the look that follows
                await heard.get_message(timeout=min(left, LOOK_AGAIN))
                row = await looked(look)
    except RedisError:
        return row  # it goes on; the client can ask again
    return row


async def looked(look: Callable[[], T]) -> T:
    """What a function gives; it leaves neither a thread nor a connection behind for the time of the wait."""
    row = await sync_to_async(_without_connection)(look)
    # Django gives every request a thread of its own for what is not async, and keeps it to the request's end
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)  # the next one who needs a thread gets a new one
    return row


def _without_connection(look: Callable[[], T]) -> T:
    try:
        return look()
    finally:
        for each in connections.all(initialized_only=True):
            if not each.in_atomic_block:
                each.close_if_unusable_or_obsolete()
