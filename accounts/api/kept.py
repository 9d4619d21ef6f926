"""Hot reads answered before Django is reached: an answer is kept while everything that it rests on stands.

A view says with `may_keep` that its answer to this very request may be given again. The same request (address and
headers) is then answered from memory after one question to Redis: are the stamps of the accounts and of the answer's
subjects those from before the answer was made, and what is left of the asker's rate limit? All else, a browser's
requests among it, goes the long way. A right that is taken away still ends at the next request; should Redis be lost
just as a stamp is renewed and come back with its data, after LONGEST.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import jwt
from django.conf import settings
from django.http import HttpRequest
from django.utils.http import parse_etags
from prometheus_client import Counter
from redis import RedisError
from redis.asyncio import Redis

from accounts.limits import Allowance, allowance_of, count_script
from accounts.models import ApiKey
from accounts.stamps import stamp_key

ANSWERS = 4096
"""Answers that a process keeps."""
LONGEST = 10.0
"""Seconds for which one is kept."""
LONGEST_HEAD = 2048
"""Bytes of address and headers of a request that is worth keeping an answer to."""
_SLOT = "aifutures.kept"
_SAME_WHATEVER = frozenset(
    {b"user-agent", b"connection", b"if-none-match", b"accept-encoding", b"traceparent", b"tracestate"}
)
_NEVER_WITH = frozenset({b"origin", b"cookie", b"content-length", b"transfer-encoding", b"x-request-id"})
"""Headers with which a request is a browser's, or something else that Django must look at."""
_OF_ONE_ANSWER = (b"x-request-id", b"ratelimit-", b"retry-after", b"content-length", b"content-type")

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Key = tuple[Any, ...]

kept_answers = Counter("aifutures_kept_answers", "Requests answered from memory, before Django")


@dataclass
class _Slot:
    """Where a view leaves word on the way back."""

    body: bytes = b""
    content_type: str = ""
    until: float = 0
    allowance: Allowance | None = None


@dataclass(frozen=True)
class _Answer:
    """What was answered once, until when (time.monotonic) and under which stamps it holds."""

    headers: Headers
    content_type: str
    body: bytes
    until: float
    stamps: Sequence[bytes]
    allowance: Allowance


def may_keep(request: HttpRequest, *, body: bytes, content_type: str, seconds: float) -> None:
    """Let this be answered again for so long, never longer than LONGEST and than what the asker came with lasts.

    For answers, 200 or 304, with an ETag that take no place of a limit, and rest on the asker's rights and on the
    stamps alone that `KeptAnswers` was made with.
    """
    slot: _Slot | None = getattr(request, "scope", {}).get(_SLOT)
    if slot is not None:
        slot.until = time.monotonic() + min(seconds, LONGEST, _lasts(getattr(request, "auth", None)))
        slot.allowance = getattr(request, "allowance", None)
        slot.body, slot.content_type = body, content_type


def _lasts(auth: object) -> float:
    """Seconds until an access token or an API key ends by itself; 0 for what is neither."""
    if isinstance(auth, ApiKey):
        return auth.expires_at.timestamp() - time.time() if auth.expires_at else float("inf")
    if isinstance(auth, str):
        return float(jwt.decode(auth, options={"verify_signature": False})["exp"] - time.time())
    return 0


@dataclass
class KeptAnswers:
    """An ASGI application in front of another: for GET under `prefix`, answers that rest on stamps of `subjects`."""

    app: App
    prefix: str
    subjects: Sequence[str]
    _kept: OrderedDict[Key, _Answer] = field(default_factory=OrderedDict)
    _redis: Redis | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        key = _key(scope) if scope["method"] == "GET" and scope["path"].startswith(self.prefix) else None
        if key is None:
            await self.app(scope, receive, send)
            return
        kept = self._kept.get(key)
        try:
            stamps, allowance = await self._look(kept.allowance if kept else None)
        except RedisError:
            await self.app(scope, receive, send)
            return
        if kept and allowance and kept.stamps == stamps and time.monotonic() < kept.until:
            await _send(kept, allowance, scope, send)
        else:
            await self._learn(key, stamps, scope, receive, send)

    async def _look(self, allowance: Allowance | None) -> tuple[Sequence[bytes], Allowance | None]:
        """The stamps as they are now, and what is left of a limit."""
        asked = self._connection().pipeline(transaction=False)
        asked.mget([stamp_key(subject) for subject in self.subjects])
        if allowance and allowance.limit is not None:
            asked.evalsha(count_script().sha, 1, allowance.key, allowance.limit, 1000 * allowance.window, "")
        stamps, *counted = await asked.execute()
        if allowance and counted:
            allowance = replace(allowance_of(allowance, counted[0]), allowed=True)  # what is kept takes no place
        return stamps, allowance

    async def _learn(self, key: Key, stamps: Sequence[bytes], scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and keep the answer if it may be."""
        slot, starts = _Slot(), []

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
            await send(message)

        await self.app({**scope, _SLOT: slot}, receive, note)
        self._kept.pop(key, None)
        if slot.allowance is None or starts[0]["status"] not in {200, 304}:
            return
        if None in stamps:
            with contextlib.suppress(RedisError):  # the answer is sent; a later one may be kept
                await self._stamp()
            return
        headers = [each for each in starts[0]["headers"] if not each[0].lower().startswith(_OF_ONE_ANSWER)]
        self._kept[key] = _Answer(
            headers=headers,
            content_type=slot.content_type,
            body=slot.body,
            until=slot.until,
            stamps=stamps,
            allowance=slot.allowance,
        )
        if len(self._kept) > ANSWERS:
            self._kept.popitem(last=False)

    async def _stamp(self) -> None:
        """Give stamps to subjects that have none yet; what was made before is not kept."""
        for subject in self.subjects:
            await self._connection().set(stamp_key(subject), uuid4().hex, nx=True)

    def _connection(self) -> Redis:
        loop = asyncio.get_running_loop()
        if self._redis is None or self._loop is not loop:
            self._redis = Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
            self._loop = loop
        return self._redis


def _key(scope: Scope) -> Key | None:
    """What tells requests apart; None for one that only Django may answer."""
    telling, authorized = [], False
    for name, value in scope["headers"]:
        if name in _NEVER_WITH:
            return None
        if name not in _SAME_WHATEVER:
            telling.append((name, value))
        authorized |= name == b"authorization"
    size = len(scope["path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in telling)
    if not authorized or size > LONGEST_HEAD:
        return None
    return scope["path"], scope["query_string"], scope["scheme"], tuple(telling)


async def _send(kept: _Answer, allowance: Allowance, scope: Scope, send: Send) -> None:
    """The kept answer with what is of this one only; 304 to a client that has it."""
    kept_answers.inc()
    own = {"X-Request-ID": uuid4().hex, **allowance.headers()}
    headers = [*kept.headers, *((name.encode(), value.encode()) for name, value in own.items())]
    has = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
    etag = next(value for name, value in headers if name.lower() == b"etag")
    if has is not None and _matches(has.decode("latin1"), etag.decode()):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body"})
        return
    about = [(b"Content-Type", kept.content_type.encode()), (b"Content-Length", str(len(kept.body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, *about]})
    await send({"type": "http.response.body", "body": kept.body})


def _matches(header: str, etag: str) -> bool:
    """If-None-Match, by the weak comparison (RFC 9110, section 13.1.2)."""
    given = parse_etags(header)
    return given == ["*"] or etag in {each.removeprefix("W/") for each in given}
