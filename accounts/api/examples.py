"""Examples of answers and bodies, as each app keeps them in its `api/examples.json`: what a server gave, abridged.

They go by the name of what they are an example of in the schema (`Run`, `PaginatedRunList`, `EvidenceInputRequest`),
or, for what has no name there, by operation and media type (`evidence_export text/csv`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def illustrate(contents: dict[str, dict[str, Any]], *, app: str, operation_id: str) -> None:
    """Add an example to each content, by media type, that has none and that the app keeps one for."""
    kept = _kept(app)
    for media_type, content in contents.items():
        name = content["schema"].get("$ref", "").rpartition("/")[2] or f"{operation_id} {media_type}"
        if name in kept and content.keys().isdisjoint({"example", "examples"}):
            content["example"] = kept[name]


@cache
def _kept(app: str) -> Mapping[str, Any]:
    file = files(app) / "api" / "examples.json"
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found
