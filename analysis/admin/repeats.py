"""What admins do about computations in lists: cancel, repeat, free, compare; and their documents as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.audit import audit_record
from accounts.models import User
from accounts.pages.lookup import row_or_404
from accounts.policies import Scope, may
from analysis.choices import RunStatus
from analysis.engine.result_file import self_contained
from analysis.engine.spec import ModelError
from analysis.models import Computation
from analysis.services.lifecycle import computation_cancel
from analysis.services.repeats import computation_release, computation_rerun
from analysis.snapshots import evidence_snapshot
from evidence.services.rules import Conflict

MOST = 20
"""Computations that one action repeats."""
_PAIR = 2


class RepeatsMixin(ModelAdmin):
    """Actions on computations, and their documents."""

    actions: tuple[str, ...] = ("cancel", "rerun", "requeue", "download")

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the documents of one computation."""
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<uuid:pk>/model.json", view(self.model_view), name=f"{name}_model"),
            path("<uuid:pk>/evidence.json", view(self.evidence_view), name=f"{name}_evidence"),
            *super().get_urls(),
        ]

    def model_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The model document as a file."""
        return self._document(request, pk, "model", lambda document: document)

    def evidence_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The evidence snapshot as a file: the items, and the hash that names them."""
        return self._document(request, pk, "evidence", lambda document: evidence_snapshot(document)._asdict())

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether the user may cancel."""
        return may(request.user, Scope.CANCEL_ANALYSIS)

    def has_rerun_permission(self, request: HttpRequest) -> bool:
        """Whether the user may have something computed."""
        return may(request.user, Scope.CREATE_ANALYSIS)

    @admin.action(description="Cancel what has not ended", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Computation]) -> None:
        """Cancel the chosen ones: at once what waits, in a moment what is worked on."""
        active = [each for each in queryset if not each.is_final]
        ended = [computation_cancel(computation=each, actor=_actor(request)).is_final for each in active]
        if not active:
            self.message_user(request, "All of them have ended already.", messages.WARNING)
        else:
            text = f"{ended.count(True)} cancelled, {ended.count(False)} asked to stop."
            self.message_user(request, text, messages.SUCCESS)

    @admin.action(description="Run again, anew", permissions=["rerun"])
    def rerun(self, request: HttpRequest, queryset: QuerySet[Computation]) -> None:
        """New ones from the same inputs."""
        self._each(request, list(queryset[: MOST + 1]))

    @admin.action(description="Requeue what failed or hangs", permissions=["rerun"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Computation]) -> None:
        """Take what is running from its worker; of what failed, which stays on record, queue a new one."""
        wanted = list(queryset.filter(status__in=(RunStatus.FAILED, RunStatus.RUNNING))[: MOST + 1])
        if not wanted:
            text = "None of them has failed or is running. What is queued waits for a worker."
            self.message_user(request, text, messages.WARNING)
            return
        self._each(request, wanted)

    @admin.action(description="Download the result (JSON)", permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[Computation]) -> JsonResponse | None:
        """The result of the one chosen with its model document, as a file."""
        chosen = list(queryset[:2])
        result = chosen[0].result_document if len(chosen) == 1 else None
        if result is None:
            self.message_user(request, "Choose one that has succeeded.", messages.ERROR)
            return None
        return _file(request, chosen[0], "", self_contained(chosen[0].model_document, result))

    @admin.action(description="Compare two", permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Computation]) -> HttpResponseRedirect | None:
        """What differs between the two chosen, the earlier one first."""
        chosen = list(queryset.order_by("created_at", "id")[: _PAIR + 1])
        if len(chosen) != _PAIR or any(each.status != RunStatus.SUCCEEDED for each in chosen):
            self.message_user(request, "Choose two that have succeeded.", messages.ERROR)
            return None
        return redirect(f"{reverse('run_compare')}?runs={chosen[0].pk},{chosen[1].pk}")

    def _each(self, request: HttpRequest, chosen: list[Computation]) -> None:
        """Release what is running, and run all else again; say with which it could not be done and why."""
        if len(chosen) > MOST:
            self.message_user(request, f"At most {MOST} at a time.", messages.ERROR)
            return
        released, repeated, releases = 0, 0, request.POST.get("action") == "requeue"
        for each in chosen:
            try:
                if releases and each.status == RunStatus.RUNNING:
                    computation_release(computation=each, actor=_actor(request))
                    released += 1
                else:
                    computation_rerun(computation=each, actor=_actor(request))
                    repeated += 1
            except (Conflict, PermissionDenied, ModelError) as error:
                self.message_user(request, f"{each}: {error}", messages.ERROR)
        if released:
            self.message_user(request, f"{released} taken from its worker and queued again.", messages.SUCCESS)
        if repeated:
            self.message_user(request, f"{repeated} queued anew, as your own.", messages.SUCCESS)

    def _document(
        self, request: HttpRequest, pk: Any, part: str, chosen: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> HttpResponse:
        row: Computation = row_or_404(self.get_queryset(request), "There is nothing of this kind.", pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return _file(request, row, f"-{part}", chosen(row.model_document))


def _file(request: HttpRequest, row: Computation, part: str, content: dict[str, Any]) -> JsonResponse:
    kind = row._meta.model_name
    audit_record(actor=_actor(request), action=f"{kind}.export", subject=row, details={"part": part[1:] or "result"})
    name = f"{kind}-{row.short_id}{part}.json"
    return JsonResponse(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _actor(request: HttpRequest) -> User:
    return cast("User", request.user)
