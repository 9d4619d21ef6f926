"""Many WebSocket clients in one process, as cheap as can be, so that the server is what is measured.

Each does the handshake, asks to follow the run, answers pings and notes when what arrived (RFC 6455; a server's frames
are not masked). All get the same bytes, which are parsed once.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from array import array
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
ENDS = ("result", "error", "cancelled")


@dataclass
class Tally:
    """What all clients saw. Seconds."""

    measuring: bool = False
    opened: int = 0
    following: int = 0
    lost: int = 0
    refused: set[str] = field(default_factory=set)
    delays: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    older: int = 0
    seen: dict[bytes, tuple[str, int, float]] = field(default_factory=dict)

    def read(self, payload: bytes) -> tuple[str, int, float]:
        """Type, number and time of a message."""
        found = self.seen.get(payload)
        if found is None:
            message = json.loads(payload)
            at = datetime.fromisoformat(message["at"]).timestamp() if "at" in message else 0.0
            found = self.seen[payload] = (message["type"], message.get("seq", -1), at)
        return found


class Follower(asyncio.Protocol):
    """One client."""

    __slots__ = ("buffer", "ended", "handshaken", "request", "seq", "subscribe", "tally", "transport")

    def __init__(self, tally: Tally, host: str, token: str, run_id: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.request = (
            f"GET /ws/analysis/progress HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: bearer, {token}\r\n\r\n"
        ).encode()
        self.subscribe = json.dumps({"action": "subscribe", "run_id": run_id}).encode()
        self.tally = tally
        self.buffer = b""
        self.handshaken = self.ended = False
        self.seq = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take what came apart."""
        self.buffer += data
        if not self.handshaken:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.tally.refused.add(head.split(b"\r\n", 1)[0].decode("latin1"))
                self.transport.abort()
                return
            self.handshaken, self.buffer = True, rest
            self.tally.opened += 1
            self._send(TEXT, self.subscribe)
        while (frame := self._frame()) is not None:
            self._take(*frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count who did not hear the end."""
        self.tally.lost += not self.ended

    def _frame(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start])
        if len(data) < start + size:
            return None
        self.buffer = data[start + size :]
        return data[0] & 0x0F, data[start : start + size]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self.tally.refused.add(f"closed with {int.from_bytes(payload[:2])}")
            self.transport.close()
        elif opcode == TEXT:
            self._note(payload)

    def _note(self, payload: bytes) -> None:
        tally, now = self.tally, time.time()
        kind, seq, at = tally.read(payload)
        tally.following += self.seq < 0
        tally.older += seq < self.seq
        self.seq = seq
        if kind in ENDS:
            self.ended = True
            tally.ends.append(now)
        elif tally.measuring:
            tally.delays.append(now - at)

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a frame, masked with zeros: clients must mask, and need not hide anything here."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2)
        self.transport.write(bytes([0x80 | opcode]) + length + bytes(4) + payload)
