"""How many messages a client may send: some at once, and then so many a second (a token bucket)."""

from __future__ import annotations

import time

BURST = 40
PER_SECOND = 5.0


class Allowance:
    """One socket's messages."""

    __slots__ = ("_at", "_left")

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Count a message; False for one too many."""
        now = time.monotonic()
        self._left = min(BURST, self._left + PER_SECOND * (now - self._at)) - 1
        self._at = now
        return self._left >= 0
