"""The socket /ws/analysis/progress (INTERFACES.md, WebSocket), as an ASGI application.

A consumer of Channels would hold a subscription to Redis of its own; here one hub listens for all of them. `send` waits
for slow readers (`aifutures_site.daphne`): messages are answered one after the other, so who does not read is not
listened to, and progress has one place for each run, where the newest replaces what was not sent yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from aifutures_site.config import get_config
from analysis.progress import Error, ServerMessage, text_of
from analysis.sockets.actions import answer
from analysis.sockets.allowance import Allowance
from analysis.sockets.credentials import Credentials, sign_in, subprotocol_of
from analysis.sockets.errors import BROKEN, LIMIT, UNAVAILABLE, Shut
from analysis.sockets.hub import Hub
from analysis.sockets.threads import database

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

FOLLOWED = 32
"""Computations that one socket may follow at a time."""
BROKEN_IN_A_ROW = 3

_hub = Hub()


async def progress_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One connection, from the handshake to its end."""
    await receive()  # websocket.connect
    # refusals come after the handshake: before it browsers are not told any code
    await send({"type": "websocket.accept", "subprotocol": subprotocol_of(scope)})
    try:
        moment = _hub.moment
        socket = Socket(await database(sign_in)(scope), send)
        await socket.talk(receive, moment)
    except Shut as shut:
        await send({"type": "websocket.close", "code": shut.code})
    except (RedisError, OperationalError, InterfaceError):
        logger.warning("nobody could sign in to a socket", exc_info=True)
        await send({"type": "websocket.close", "code": UNAVAILABLE})


class Socket:
    """Somebody who is signed in, and what they are still to be told."""

    def __init__(self, credentials: Credentials, send: Send) -> None:
        self.credentials = credentials
        self._send = send
        self._places: dict[UUID, str] = {}
        self._following: set[UUID] = set()
        self._filled = asyncio.Event()
        self._shut: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def offer(self, pk: UUID, text: str, *, is_final: bool) -> None:
        """Take the newest state of a computation, in place of an older one that is not sent yet."""
        self._places[pk] = text
        self._filled.set()
        (self._following.discard if is_final else self._following.add)(pk)

    def shut(self, code: int) -> None:
        """Close it, whatever is still to be sent."""
        if not self._shut.done():
            self._shut.set_result(code)

    async def talk(self, receive: Receive, moment: int) -> None:
        """Listen and tell, who was let in at a moment of the hub, until the client leaves. Raises Shut."""
        if not _hub.enter(self, limit=get_config().limits.sockets_per_user, moment=moment):
            raise Shut(LIMIT)
        tasks: list[asyncio.Future[Any]] = [
            asyncio.create_task(self._listen(receive)),
            asyncio.create_task(self._tell()),
        ]
        try:
            done, _ = await asyncio.wait([*tasks, self._shut], return_when=asyncio.FIRST_COMPLETED)
            if self._shut in done:
                raise Shut(self._shut.result())
            for task in done:
                task.result()
        finally:
            _hub.leave(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._places:
                await self._send({"type": "websocket.send", "text": self._places.pop(next(iter(self._places)))})

    async def _listen(self, receive: Receive) -> None:
        """Answer message after message. Raises Shut."""
        allowance, broken = Allowance(), 0
        while (event := await receive())["type"] == "websocket.receive":
            if not allowance.take():
                raise Shut(LIMIT)
            moment = _hub.moment
            found = await database(answer)(self.credentials, event.get("text"))
            if found.message is not None:
                await self._say(found.message)
            broken = broken + 1 if found.broken else 0
            if broken == BROKEN_IN_A_ROW:
                raise Shut(BROKEN)
            if found.follow is None:
                continue
            if len(self._following) < FOLLOWED or found.follow.pk in self._following or found.follow.is_final:
                _hub.follow(self, found.follow, moment=moment)
            else:
                words = f"One socket follows {FOLLOWED} computations at most; open another."
                await self._say(Error(type="error", code="limit", message=words, run_id=str(found.follow.pk)))

    async def _say(self, message: ServerMessage) -> None:
        await self._send({"type": "websocket.send", "text": text_of(message)})
