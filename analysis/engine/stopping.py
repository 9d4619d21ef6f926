"""Work of the engine that is told to stop between two of its steps."""

from __future__ import annotations


class Stopped(Exception):
    """What was being computed was stopped by its `should_stop`; a run's `checkpoint` lets it go on later."""

    def __init__(self, reason: str, checkpoint: bytes | None = None) -> None:
        super().__init__(reason)
        self.checkpoint = checkpoint
