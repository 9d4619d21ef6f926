"""The first page of the admin site: what waits, what the evidence lacks, what is being computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from redis.exceptions import RedisError

from accounts.policies import Role, role_of
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run
from analysis.services.lifecycle import KINDS
from analysis.services.workers import workers_seen
from evidence.overview import heaviest_unreplicated, hypothesis_lines, oldest_sources, waiting_for_review

LAST_RUNS = 6


@dataclass(frozen=True)
class QueueLine:
    """A kind of computation: how many wait and are worked on, since when the oldest waits, whether anybody serves it.

    `served` is None where nobody can tell: Redis does not answer.
    """

    name: str
    queued: int
    running: int
    oldest: datetime | None
    served: bool | None


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What templates/admin/index.html shows; runs and queues only to who may see them in the admin site."""
    context["title"] = "Overview"
    if request.user.has_perm("evidence.view_evidence"):
        lines = hypothesis_lines()
        waiting, number = waiting_for_review()
        context |= {
            "lines": lines,
            "most": max((max(line.for_a, line.for_b) for line in lines), default=0),
            "approved": sum(line.for_a + line.for_b for line in lines),
            "waiting": waiting,
            "waiting_number": number,
            "leaning": [line for line in lines if line.leading and line.leading.is_much],
            "oldest": oldest_sources(),
            "unreplicated": heaviest_unreplicated(),
            "unreplicated_number": sum(line.unreplicated for line in lines),
        }
    if request.user.has_perm("analysis.view_analysisrun"):
        context |= {
            "runs": AnalysisRun.objects.select_related("owner")[:LAST_RUNS],
            "baseline": baseline_run(),
            "may_see_queues": role_of(request.user) is Role.ADMIN,
            **_queues(),
        }
    return context


def _queues() -> dict[str, Any]:
    try:
        workers = workers_seen()
    except RedisError:
        workers = None
    served = None if workers is None else {name for worker in workers for name in worker.queues}
    return {"workers": workers, "queues": [_queue(model, served) for model in KINDS]}


def _queue(model: Any, served: set[str] | None) -> QueueLine:
    waits = Q(status=RunStatus.QUEUED)
    found = model.objects.active().order_by().aggregate(
        queued=Count("pk", filter=waits),
        running=Count("pk", filter=Q(status=RunStatus.RUNNING)),
        oldest=Min("queued_at", filter=waits),
    )  # fmt: skip
    name = str(model._meta.verbose_name_plural).capitalize()
    return QueueLine(name, **found, served=None if served is None else KINDS[model].queue in served)
