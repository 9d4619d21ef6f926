"""Making a run the baseline, with a note, and the baselines there were."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.pages.lookup import row_or_404
from accounts.policies import Scope, may
from analysis.engine.changes import Change, model_changes
from analysis.engine.spec import ModelError, parse_model
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run
from analysis.services.publication import run_publish
from evidence.services.rules import Conflict, checked_reason

LAST = 50
"""Baselines that the page lists, and changes that it tells, at most."""


class PublicationMixin(ModelAdmin):
    """Publication, in the admin of runs."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, the page that asks for the note, and the list of baselines."""
        view = self.admin_site.admin_view
        return [
            path("baselines", view(self.baselines_view), name="analysis_analysisrun_baselines"),
            path("<uuid:pk>/publish", view(self.publish_view), name="analysis_analysisrun_publish"),
            *super().get_urls(),
        ]

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Whether the user decides about the baseline."""
        return may(request.user, Scope.WRITE_BASELINE)

    @admin.action(description="Publish as the baseline", permissions=["publish"])
    def publish(self, request: HttpRequest, queryset: QuerySet[AnalysisRun]) -> HttpResponse | None:
        """Ask for the note, for the one chosen run."""
        keys = list(queryset.values_list("pk", flat=True)[:2])
        if len(keys) != 1:
            self.message_user(request, "Choose one run: there is one baseline.", messages.ERROR)
            return None
        return redirect(reverse("admin:analysis_analysisrun_publish", args=keys))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Django's, with the baseline, which the run may be compared with."""
        context["baseline"] = baseline_run()
        return super().render_change_form(request, context, *args, **kwargs)

    def publish_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """What differs from the present baseline, and the note; by POST, publish."""
        if not self.has_publish_permission(request):
            raise PermissionDenied
        run, note = row_or_404(AnalysisRun.objects.all(), "There is no such run.", pk=pk), request.POST.get("note", "")
        if request.method == "POST":
            try:
                note = checked_reason(note)
                seen = request.POST.get("baseline")
                run = run_publish(run=run, actor=cast("User", request.user), note=note, seen=seen)
            except ValidationError as error:
                self.message_user(request, f"Not published: {' '.join(error.messages)}", messages.ERROR)
            except Conflict as error:
                self.message_user(request, f"Not published: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{run} is the baseline.", messages.SUCCESS)
                return redirect(reverse("admin:analysis_analysisrun_baselines"))
        baseline = baseline_run()
        changes, obstacle = _changes(baseline, run)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Publish {run} as the baseline",
            "opts": self.opts,
            "run": run,
            "note": note,
            "baseline": baseline,
            "changes": changes[:LAST],
            "number": len(changes),
            "obstacle": obstacle,
        }
        return TemplateResponse(request, "admin/analysis/publish.html", context)

    def baselines_view(self, request: HttpRequest) -> HttpResponse:
        """The present baseline and the earlier ones, with what was said of each."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Baselines",
            "opts": self.opts,
            "runs": AnalysisRun.objects.published().select_related("published_by", "owner")[:LAST],
        }
        return TemplateResponse(request, "admin/analysis/baselines.html", context)


def _changes(before: AnalysisRun | None, after: AnalysisRun) -> tuple[list[Change], str]:
    """What differs in the inputs, or why that cannot be told."""
    if before is None or before == after:
        return [], ""
    try:
        old, new = parse_model(before.model_document), parse_model(after.model_document)
    except ModelError as error:
        return [], f"What differs cannot be told: {error}"
    if old.codes != new.codes:
        return [], "The two have other hypotheses."
    return model_changes(old, new), ""
