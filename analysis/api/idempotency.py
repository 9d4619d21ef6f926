"""`Idempotency-Key`: the same request, sent again, begins nothing anew (IETF draft-ietf-httpapi-idempotency-key)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts.api.problems import UnprocessableContent
from accounts.redis_client import connection

KEPT_SECONDS = 24 * 3600
KEY = re.compile(r"[!-~]{1,255}")

_TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return ARGV[1] end
return redis.call('GET', KEYS[1])
"""
_DROP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True)
class Claim:
    """What a request begins: the id for its row, the same for each time that the request is sent.

    Since all of them insert the row under this id, the database lets one of them through, whichever comes first and
    whatever befell the others.
    """

    row_id: UUID
    name: str = ""
    value: str = ""
    is_first: bool = True
    is_stored: bool = False
    """Whether the first request found a row that was there already, which has this id."""

    def settle(self, pk: UUID) -> None:
        """Answer the next request of this key with what this one found, where that is not a row of its own."""
        if self.name and pk != self.row_id:
            content, _, _ = self.value.partition(" ")
            connection().set(self.name, f"{content} {pk} stored", xx=True, keepttl=True)

    def drop(self) -> None:
        """Forget a first request that begins nothing, so that a corrected one may use its key."""
        if self.name and self.is_first:
            connection().eval(_DROP, 1, self.name, self.value)


def claim(request: HttpRequest, body: Any) -> Claim:
    """The request's claim, by its user, path and Idempotency-Key; one of its own for a request without a key.

    Raises ValidationError for a key that is none, UnprocessableContent where it came with another body before.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Claim(uuid4())
    if not KEY.fullmatch(key):
        raise ValidationError({"Idempotency-Key": "Should be 1 to 255 visible ASCII characters."})
    name = f"idempotency:{request.user.pk}:{_digest(request.path)}:{_digest(key)}"
    fresh = f"{_digest(json.dumps(body, sort_keys=True))} {uuid4()}"
    value = cast("bytes", connection().eval(_TAKE, 1, name, fresh, str(KEPT_SECONDS))).decode()
    content, row_id, *stored = value.split(" ")
    if content != fresh.partition(" ")[0]:
        raise UnprocessableContent("This Idempotency-Key came with another body before.")
    return Claim(UUID(row_id), name, value, is_first=value == fresh, is_stored=bool(stored))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
