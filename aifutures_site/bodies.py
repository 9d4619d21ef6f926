"""Bodies of requests, bounded while they arrive.

daphne itself takes every body whole, whoever sends it, before the application sees the first byte. Here one that is
announced as too big is refused at its headers, one in chunks as soon as it has become too big: 413, a problem document.
What follows is read for a moment and thrown away, because a client that is cut off while it sends never reads why.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from django.urls import reverse

from accounts.api.problems import PayloadTooLarge, problem
from evidence.tables import MAX_BYTES

FRAME = 65_536
"""Bytes for what a form sends around its file: borders, headers and the other fields."""
LIMITS: Mapping[str, int] = {
    reverse("api:evidence-import"): MAX_BYTES,
    reverse("admin:evidence_evidence_import"): MAX_BYTES + FRAME,
    reverse("admin:evidence_source_import"): MAX_BYTES + FRAME,
}
"""Bytes at the addresses that take files. Everywhere else as many as the API's parsers and Django's forms take."""
LINGER = 5.0
"""Seconds for which a client may go on sending what nobody reads."""


class BoundedRequest(WebRequest):
    """One request. Twisted tells it the length that the headers announce, then each piece of the body."""

    content: Any
    refused = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # the application reads forms itself, and answers those that are broken
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        """Refuse what is announced as too big; `length` is None for a body in chunks."""
        super().gotLength(length)
        path = self.channel._path.partition(b"?")[0].decode("latin-1")  # the request has its own when all is there
        self.left = LIMITS.get(path, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        if length is not None and length > self.left:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece, or refuse the body that it makes too big."""
        self.left -= len(data)
        if not self.refused and self.left < 0:
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body has ended: the application's turn, unless it was refused."""
        if self.refused:
            self.channel.loseConnection()
            return
        if self.requestHeaders.hasHeader(b"Transfer-Encoding"):  # REST framework takes no length for no body
            self.requestHeaders.removeHeader(b"Transfer-Encoding")
            self.requestHeaders.setRawHeaders(b"Content-Length", [str(self.content.tell()).encode()])
        super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        """Answer, say no more, and hear the client out for a moment."""
        self.refused = True
        self.content.close()
        self.content = io.BytesIO()
        self.requestHeaders.removeHeader(b"Expect")  # nothing to continue with
        answer = problem(PayloadTooLarge.status_code, PayloadTooLarge.default_detail, headers={"Connection": "close"})
        answer["Content-Length"] = str(len(answer.content))
        head = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n".encode()
        transport = self.channel.transport
        transport.write(b"%b%b\r\n\r\n%b" % (head, answer.serialize_headers(), answer.content))
        transport.loseWriteConnection()
        self.channel.callLater(LINGER, transport.abortConnection)
