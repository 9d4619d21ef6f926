"""What a cluster's pattern takes in, told while it is typed; and taking a cluster away."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.numbers import number_of
from accounts.pages.lookup import row_or_404
from accounts.policies import Scope, may
from analysis.models import ScenarioCluster
from analysis.models.scenarios import PATTERN
from analysis.patterns import Share, scenario_probabilities, shares
from analysis.selectors import baseline_run
from analysis.services.network import cluster_delete
from evidence.models import Hypothesis
from evidence.services.rules import Conflict


class Line(NamedTuple):
    """A cluster as it is and as it would be; None where it is not there."""

    name: str
    pattern: str
    before: Share | None
    after: Share | None
    is_this: bool


class PatternMixin(ModelAdmin):
    """Live counts and deletion, in the admin of clusters."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, the live count, and deletion with a reason."""
        view = self.admin_site.admin_view
        return [
            path("count", view(self.count_view), name="analysis_scenariocluster_count"),
            path("<int:pk>/remove", view(self.remove_view), name="analysis_scenariocluster_remove"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who writes the model."""
        return may(request.user, Scope.WRITE_MODEL)

    def get_fields(self, request: HttpRequest, obj: ScenarioCluster | None = None) -> Any:
        """The place is chosen when the cluster is made; by default it is the last but one."""
        fields = super().get_fields(request, obj)
        return fields if obj else [field for field in fields if field != "order"]

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """What the clusters would take in if `cluster`, or a new one, had the pattern of the form."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        number, pattern = request.GET.get("cluster", ""), request.POST.get("pattern", "").strip()
        length = Hypothesis.objects.count()
        context: dict[str, Any] = {"length": length, "baseline": None, "lines": []}
        if re.match(PATTERN, pattern) and len(pattern) == length:
            context["baseline"] = baseline_run()
            found = scenario_probabilities(context["baseline"])
            context["lines"] = _lines(number_of(number), pattern, found)
        return TemplateResponse(request, "admin/analysis/pattern_count.html", context)

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the cluster away."""
        cluster = row_or_404(ScenarioCluster.objects.all(), "There is no such cluster.", pk=pk)
        if request.method != "POST":
            raise PermissionDenied
        actor = cast("User", request.user)
        try:
            cluster_delete(cluster=cluster, actor=actor, reason=request.POST.get("reason", ""))
        except ValidationError as error:
            self.message_user(request, f"Not removed: {' '.join(error.messages)}", messages.ERROR)
        except (Conflict, PermissionDenied) as error:
            self.message_user(request, f"Not removed: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{cluster} has been removed.", messages.SUCCESS)
            return redirect(reverse("admin:analysis_scenariocluster_changelist"))
        return redirect(reverse("admin:analysis_scenariocluster_change", args=[pk]))


def _lines(number: int | None, pattern: str, probabilities: Any) -> list[Line]:
    rows = list(ScenarioCluster.objects.all())
    now = shares([row.pattern for row in rows], probabilities=probabilities)
    before = dict(zip((row.pk for row in rows), now, strict=True))
    wanted: list[tuple[int | None, str, str]] = [
        (row.pk, row.name, pattern if row.pk == number else row.pattern) for row in rows
    ]
    if number not in before:
        number = None
        wanted.insert(len(wanted) - 1, (None, "The new cluster", pattern))
    after = shares([text for _, _, text in wanted], probabilities=probabilities)
    return [
        Line(name, text, before.get(pk) if pk else None, share, pk == number)
        for (pk, name, text), share in zip(wanted, after, strict=True)
    ]
