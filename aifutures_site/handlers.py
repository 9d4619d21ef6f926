"""How requests meet Django under ASGI: what waits in the event loop, all else in one step in a thread.

Django's own handler sends every middleware that is not async, before and after the view, through a thread by itself:
a dozen hand-overs that cost several times what the view does. Here a request whose view is not async is answered by
the synchronous chain as a whole; the few views that wait long are async and hold no thread (ARCHITECTURE.md,
decision 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from functools import lru_cache
from typing import IO, Any, cast

import sentry_sdk
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import connections
from django.http import HttpResponse
from django.urls import Resolver404, resolve, set_script_prefix

THREADS = 16
"""Requests that a process answers at a time, beside those that wait in the event loop."""
TURNS, TURN_SECONDS = 3, 0.25
"""So many of them at once as a rule: more only take the interpreter from each other, and all get slower. Who has
waited for a turn for so long goes ahead, as those before are slow ones."""

CONNECTION_SECONDS = 60
"""A thread's request that finds an older connection to the database makes a new one; an idle thread keeps its own."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SynchronousHandler(ASGIHandler):
    """Django's synchronous chain: each request in one step, in a thread of a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request", initializer=_keep_connections)
        self._turns = asyncio.Semaphore(TURNS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What has begun is ended also when the client leaves in the middle."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        has_turn = await self._in_turn()
        answered = asyncio.wrap_future(self._pool.submit(copy_context().run, self._respond, scope, body))
        if has_turn:
            answered.add_done_callback(lambda done: self._turns.release())
        await self.send_response(await asyncio.shield(answered), send)

    async def _in_turn(self) -> bool:
        """Wait for one of the turns, which the answer ends; False where there was none in time."""
        try:
            return await asyncio.wait_for(self._turns.acquire(), TURN_SECONDS)
        except TimeoutError:
            return False

    def _respond(self, scope: Scope, body: IO[bytes]) -> HttpResponse:
        """The whole answer, files too; what it opened is closed again."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        with body, sentry_sdk.isolation_scope():  # what is noted of a request for the error tracker ends with it
            request, refusal = self.create_request(scope, body)
            response = cast("Any", self.get_response(request) if request else refusal)
            with closing(response):
                if isinstance(response, HttpResponse):
                    return response
                whole = HttpResponse(b"".join(response), status=response.status_code, headers=response.headers)
                whole.cookies = response.cookies
                return whole


def _keep_connections() -> None:
    """Let the present thread's connections serve one request after another; Django tries them before each."""
    for connection in connections.all():
        kept = {"CONN_MAX_AGE": CONNECTION_SECONDS, "CONN_HEALTH_CHECKS": True}
        connection.settings_dict = connection.settings_dict | kept


class Handler:
    """Django for every request, by whichever of the two chains its view needs."""

    def __init__(self) -> None:
        self._waiting, self._synchronous = ASGIHandler(), SynchronousHandler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            waits = _waits(scope["path"])
        except Resolver404:
            waits = False
        await (self._waiting if waits else self._synchronous)(scope, receive, send)


@lru_cache(4096)
def _waits(path: str) -> bool:
    """Whether an async view is at this path. Raises Resolver404 where none is, which is not remembered."""
    return iscoroutinefunction(resolve(path).func)
