"""The evidence base: `client.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aifutures_client.results import Evidence, EvidenceList
from aifutures_client.transport import Transport

PAGE = 500


class EvidenceApi:
    """Read, write and review items. What you may see and do depends on your role."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None, **filters: Any) -> EvidenceList:
        """All items (at most `limit`), page after page.

        filters: hypothesis, direction, status, min_quality, source, source_type, dependency_group, q, published_after,
        published_before, ordering.
        """
        items: list[Evidence] = []
        page: Mapping[str, Any] = {}
        asked = {**filters, "limit": PAGE if limit is None else min(limit, PAGE)}
        for page in self._transport.pages("evidence", asked):
            items += map(Evidence.of, page["evidence"])
            if limit is not None and len(items) >= limit:
                break
        return EvidenceList(items[:limit], page["total_count"], page["filters_applied"])

    def get(self, id: str) -> Evidence:
        """One item, with the ETag that `edit` needs. Raises NotFound."""
        response = self._transport.send("GET", f"evidence/{id}")
        return Evidence.of(response.json(), response.headers.get("ETag"))

    def history(self, id: str) -> Any:
        """Who changed what, when and why; the newest first."""
        return self._transport.get(f"evidence/{id}/history")["history"]

    def influence(self, id: str, *, timeout: float | None = 120, **options: Any) -> Any:
        """What is different without the item. options: run, output."""
        return self._transport.derived(f"evidence/{id}/influence", options, timeout)

    def create(
        self,
        *,
        hypothesis: str,
        direction: str,
        strength: float,
        quality_scores: Mapping[str, float | None],
        source: str | Mapping[str, Any],
        description: str,
        **more: Any,
    ) -> Evidence:
        """A draft, which counts once another curator has approved it. Raises Invalid, Forbidden.

        source: the key of a stored one, or a new one as a document | more: rationale, dependency_group, id, reason
        """
        content = {
            "hypothesis": hypothesis,
            "direction": direction,
            "strength": strength,
            "quality_scores": dict(quality_scores),
            "source": source if isinstance(source, str) else dict(source),
            "description": description,
        }
        return self._written(self._transport.send("POST", "evidence", json={**content, **more}))

    def edit(self, item: Evidence, **changes: Any) -> Evidence:
        """Change an item that `get` or a step before gave. Raises Stale if it has changed since, Invalid."""
        headers = {"If-Match": item.etag} if item.etag else {}
        return self._written(self._transport.send("PATCH", f"evidence/{item.id}", json=changes, headers=headers))

    def submit(self, item: Evidence | str, reason: str = "") -> Evidence:
        """Hand a draft in for review."""
        return self._step(item, "submit", reason)

    def approve(self, item: Evidence | str, reason: str = "") -> Evidence:
        """Let it count; not by who wrote or last edited it (Forbidden, Conflict)."""
        return self._step(item, "approve", reason)

    def reject(self, item: Evidence | str, reason: str) -> Evidence:
        """Send it back, and why."""
        return self._step(item, "reject", reason)

    def retire(self, item: Evidence | str, reason: str) -> Evidence:
        """Let it count no more, and why."""
        return self._step(item, "retire", reason)

    def _step(self, item: Evidence | str, step: str, reason: str) -> Evidence:
        """Take a step with the item as it was read (Stale if it has changed since), or, by its id, as it is now."""
        read = self.get(item) if isinstance(item, str) else item
        headers = {"If-Match": read.etag} if read.etag else {}
        body = {"reason": reason} if reason else {}
        return self._written(self._transport.send("POST", f"evidence/{read.id}/{step}", json=body, headers=headers))

    def _written(self, response: Any) -> Evidence:
        return Evidence.of(response.json(), response.headers.get("ETag"))
