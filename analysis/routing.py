"""Addresses of the analysis' sockets."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path

from analysis.api.documents import SOCKET_PATH
from analysis.consumers import Receive, Scope, Send, progress_socket


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake (403)."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns: list[Any] = [
    path(SOCKET_PATH.removeprefix("/"), progress_socket),  # type: ignore[arg-type] # an ASGI application
    re_path("", nothing_here),  # type: ignore[arg-type]
]
