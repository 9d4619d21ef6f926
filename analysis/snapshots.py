"""The evidence that a computation was made from, frozen in its model document and named by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import rfc8785


class Snapshot(NamedTuple):
    """Items of evidence as they stand in a model document; `sha256` (hex) is that of their canonical JSON (RFC 8785).

    Two computations with the same hash were made from the same evidence, word for word.
    """

    items: list[Mapping[str, Any]]
    sha256: str


def evidence_snapshot(document: Mapping[str, Any]) -> Snapshot:
    """The evidence in a model document."""
    items = list(document.get("evidence", []))
    return Snapshot(items, hashlib.sha256(rfc8785.dumps(items)).hexdigest())
