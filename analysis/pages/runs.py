"""The runs that a user may see."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from accounts.policies import Scope
from analysis.api.runs import RunFilters
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages.access import requires
from analysis.pages.run_actions import offer
from analysis.progress import progress_of
from analysis.querysets import AnalysisRunQuerySet
from analysis.selectors import run_list
from analysis.services.turns import positions

PAGE = 25
WHOSE = {
    "": ("All", {}),
    "mine": ("Mine", {"mine": "true"}),
    "shared": ("Shared", {"shared": "true"}),
    "published": ("Published", {"published": "true"}),
}
"""Whose runs can be chosen: in words, and as filters of the API."""
FEWEST, MOST = 2, 6
"""Runs that can be compared."""


@require_safe
@requires(Scope.READ_RESULTS)
def runs(request: HttpRequest) -> HttpResponse:
    """Own runs and those open to everyone, the newest first."""
    page = Paginator(_chosen(request), PAGE).get_page(request.GET.get("page"))
    waiting = positions(AnalysisRun) if any(row.status == RunStatus.QUEUED for row in page) else {}
    rows = [(row, progress_of(row, waiting.get(row.pk)), offer(request.user, row).cancel) for row in page]
    whose, status = request.GET.get("whose", ""), request.GET.get("status", "")
    return render(
        request,
        "analysis/runs.html",
        {
            "page": page,
            "rows": rows,
            "q": request.GET.get("q", ""),
            "whose": [(_address(request, whose=key), words, key == whose) for key, (words, _) in WHOSE.items()],
            "statuses": [
                (_address(request, status=key), words, key == status)
                for key, words in (("", "In any state"), *RunStatus.choices)
            ],
            "filtered": bool(whose or status or request.GET.get("q")),
            "before": page.has_previous() and _address(request, page=page.previous_page_number()),
            "after": page.has_next() and _address(request, page=page.next_page_number()),
            "comparable": sum(row.status == RunStatus.SUCCEEDED for row in page) >= FEWEST,
        },
    )


@require_safe
@requires(Scope.READ_RESULTS)
def compare_chosen(request: HttpRequest) -> HttpResponseBase:
    """From the runs that were ticked, newest first, to the page that compares the later with the earliest."""
    chosen = [text for text in request.GET.getlist("runs") if _is_id(text)]
    if FEWEST <= len(chosen) <= MOST:
        return redirect(f"{reverse('run_compare')}?runs={','.join(reversed(chosen))}")
    messages.error(request, f"Tick {FEWEST} to {MOST} finished runs to compare them.")
    return redirect("runs")


def _chosen(request: HttpRequest) -> AnalysisRunQuerySet:
    """The runs that the address asks for. What it says wrongly narrows nothing."""
    wanted = QueryDict(mutable=True)
    wanted.update(WHOSE.get(request.GET.get("whose", ""), WHOSE[""])[1])
    if request.GET.get("status") in RunStatus.values:
        wanted["status"] = request.GET["status"]
    if q := request.GET.get("q", "").replace("\0", "").strip():
        wanted["q"] = q
    filters = RunFilters(wanted, queryset=run_list(user=request.user), request=request)
    found: AnalysisRunQuerySet = filters.qs
    return found


def _address(request: HttpRequest, **changed: object) -> str:
    """This page with something else chosen, from its first part unless that is what changes."""
    query = {**request.GET.dict(), "page": "", **changed}
    kept = QueryDict(mutable=True)
    kept.update({key: str(value) for key, value in query.items() if value})
    return f"{reverse('runs')}{'?' if kept else ''}{kept.urlencode()}"


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


urlpatterns = [
    path("runs", runs, name="runs"),
    path("runs/compare/chosen", compare_chosen, name="runs_chosen"),
]
