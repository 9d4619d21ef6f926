"""Progress as the server tells it, over its WebSocket: for who has the extra `websockets` installed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from aifutures_client.errors import AIFuturesError
from aifutures_client.transport import Transport

PATH = "ws/analysis/progress"
PATIENCE = 10.0
"""Seconds that the connection may take."""
SILENCE = 60.0
"""Seconds without a message after which the server is better asked: it tells of a run that goes on far more often."""


def told(transport: Transport, id: UUID, deadline: float) -> Iterator[Mapping[str, Any]]:
    """What the server says of how far a computation is, until it ends or `deadline` (of `time.monotonic`).

    It also ends, without an error, where there is no way to be told, or no longer: then the server has to be asked.
    """
    try:
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - may not be installed
        from websockets.sync.client import connect  # noqa: PLC0415
        from websockets.typing import Subprotocol  # noqa: PLC0415
    except ImportError:
        return
    try:
        ticket = transport.post("auth/ws-ticket")["ticket"]  # good once, for a minute
        bearer = [Subprotocol("ticket"), Subprotocol(ticket)]
        with connect(transport.socket_url(PATH), subprotocols=bearer, open_timeout=PATIENCE) as socket:
            socket.send(json.dumps({"action": "subscribe", "run_id": str(id)}))
            while (left := deadline - time.monotonic()) > 0:
                message = json.loads(socket.recv(timeout=min(left, SILENCE)))
                if message["type"] != "progress":
                    return
                yield message
    except (OSError, WebSocketException, AIFuturesError, ValueError, KeyError):  # lost, silent, refused, not understood
        return
