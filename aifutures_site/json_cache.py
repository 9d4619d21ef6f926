"""What the cache holds: JSON, never pickles, which would run whatever somebody put into Redis."""

from __future__ import annotations

import json
from typing import Any


class JsonSerializer:
    """For Django's Redis cache: values that JSON can say. Whole numbers stay Redis' own, so that it can count."""

    def dumps(self, value: Any) -> int | bytes:
        """What is stored. Raises TypeError for what JSON cannot say."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """The value again."""
        return json.loads(data)
