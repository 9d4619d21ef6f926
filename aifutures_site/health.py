"""What operators and their tools ask: alive, ready, how busy."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from accounts.policies import Role, role_of
from aifutures_site.embedded import is_up
from analysis.services.workers import served_queues


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200: this process is alive. It asks nothing else, so that a lost database restarts no web server."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when a run asked for now would be computed; 503 with a word for each thing that is missing."""
    findings = {name: check() for name, check in CHECKS.items()}
    missing = any(findings.values())
    body = {
        "status": "missing" if missing else "ok",
        "checks": {name: finding or "ok" for name, finding in findings.items()},
    }
    return JsonResponse(body, status=503 if missing else 200)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for the scraper (METRICS_TOKEN as bearer token) and for admins."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token: str | None = settings.METRICS_TOKEN
    scraper = token is not None and hmac.compare_digest(offered.encode(), token.encode())
    if not scraper and role_of(request.user) is not Role.ADMIN:
        raise PermissionDenied
    return ExportToDjangoView(request)


def _database() -> str | None:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return "no connection"
    return None


def _migrations() -> str | None:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "cannot be read"
    return f"{len(pending)} not applied" if pending else None


def _redis() -> str | None:
    return None if is_up(settings.REDIS_URL) else "no answer"


def _workers() -> str | None:
    """A queue that no worker serves would keep its runs waiting for ever."""
    try:
        served = served_queues()
    except redis.RedisError:
        return "cannot be counted without Redis"
    unserved = [name for name in settings.RQ_QUEUES if name not in served]
    return f"none for {', '.join(unserved)}" if unserved else None


CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "workers": _workers,
}
