"""daphne with bounds: `python -m aifutures_site.daphne`, options as daphne's.

daphne itself takes whatever an application sends and keeps it in memory until the client has read it. Here `send` of a
WebSocket message returns when the client keeps up, so that the application can leave out what is out of date by then;
a client that sends faster than it is answered is cut off; and a text that goes to many is made a frame once. Bodies of
requests are bounded, too (`aifutures_site.bodies`).
"""

from __future__ import annotations

import asyncio
import socket
from functools import lru_cache
from typing import Any

from autobahn.websocket.protocol import PreparedMessage
from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

KERNEL_BYTES = 65_536
"""The kernel keeps so much of what a client has not read; then a buffer of the same size fills, then `send` waits."""
UNREAD_MESSAGES = 100
TOO_MANY = 4429


@lru_cache(64)
def _frame(text: str) -> PreparedMessage:
    return PreparedMessage(text.encode(), isBinary=False, applyMask=False, doNotCompress=True)


class Connection(WebSocketProtocol):
    """One WebSocket. Twisted tells it, as the producer of what it writes, when to pause and when to go on."""

    def onOpen(self) -> None:
        """Take the place of the HTTP channel that the connection began as."""
        super().onOpen()
        self.writable = asyncio.Event()
        self.writable.set()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)

    def pauseProducing(self) -> None:
        """The client does not keep up."""
        self.writable.clear()

    def resumeProducing(self) -> None:
        """It has read what there was."""
        self.writable.set()

    def stopProducing(self) -> None:
        """It is gone: nobody need wait for it."""
        self.writable.set()

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        """It is gone, or was never there."""
        super().onClose(wasClean, code, reason)
        if hasattr(self, "writable"):
            self.writable.set()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Pass a message on, unless too many wait for the application."""
        if self.application_queue.qsize() < UNREAD_MESSAGES:
            super().onMessage(payload, isBinary)
        elif self.state == self.STATE_OPEN:
            self.sendClose(TOO_MANY)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        """Send a message; one to a client that is leaving is dropped."""
        if binary or self.state == self.STATE_CONNECTING:
            super().serverSend(content, binary)
        elif self.state == self.STATE_OPEN:
            self.sendPreparedMessage(_frame(content))


WebSocketFactory.protocol = Connection


class WebServer(Server):
    """daphne's server, whose `send` waits for slow readers, and which takes no body that is too big."""

    def run(self) -> None:
        """Serve until the process ends."""
        from aifutures_site.bodies import BoundedRequest  # noqa: PLC0415 - needs the application's addresses

        http_protocol.WebRequest = BoundedRequest
        super().run()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Do what the application says; of a WebSocket message, return when the client keeps up."""
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.send" and isinstance(protocol, Connection):
            await protocol.writable.wait()


class CommandLine(CommandLineInterface):
    """daphne's command line."""

    server_class = WebServer


if __name__ == "__main__":
    CommandLine.entrypoint()
