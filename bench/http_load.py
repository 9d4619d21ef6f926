"""A load generator for loopback: some clients, each with one connection, ask the same thing again and again.

It parses no more of HTTP than a status line and Content-Length, so that the server is what is measured.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

SLOWEST = 60.0
"""Seconds for one answer; a server that needs more is not measured."""


@dataclass
class Load:
    """What the clients saw: seconds of every answer, in all `seconds`, and the statuses."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.times) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds within which so many of the answers came."""
        ordered = sorted(self.times)
        return 1e3 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def load(port: int, request: bytes, *, clients: int, seconds: float) -> Load:
    """Ask for some seconds. Raises SystemExit if a connection is lost or an answer takes too long."""
    return asyncio.run(_load(port, request, clients, seconds))


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _load(port: int, request: bytes, clients: int, seconds: float) -> Load:
    found, loop = Load(), asyncio.get_running_loop()
    began = time.perf_counter()
    asking = [_Client(request, found, began + seconds) for _ in range(clients)]
    for client in asking:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc] # its default
    try:
        await asyncio.wait_for(asyncio.gather(*(client.done for client in asking)), seconds + SLOWEST)
    except (TimeoutError, OSError) as error:
        raise SystemExit(f"bench: {error or 'an answer took too long'}") from None
    found.seconds = time.perf_counter() - began
    return found


class _Client(asyncio.Protocol):
    """One connection that asks until `end`."""

    def __init__(self, request: bytes, found: Load, end: float) -> None:
        self._request, self._found, self._end = request, found, end
        self._buffer = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or len(self._buffer) < head + 4 + _length(self._buffer[:head]):
            return
        now = time.perf_counter()
        self._found.times.append(now - self._asked)
        self._found.statuses.add(int(self._buffer[9:12]))
        self._buffer.clear()
        if now < self._end:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed a connection"))

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)


def _length(head: bytes | bytearray) -> int:
    """Content-Length of an answer; 0 for one without (304)."""
    _, found, rest = bytes(head).lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
