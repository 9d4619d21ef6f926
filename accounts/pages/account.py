"""One's own account: who one is, what one may do, what of the limits is used, and signing out everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.limits import Cost, limit_status
from accounts.models import User
from accounts.sessions import sessions_end
from accounts.wording import duration, rights

COSTS: Mapping[Cost, str] = {
    Cost.SCENARIO_QUERIES: "Questions about scenarios and results",
    Cost.EVIDENCE_QUERIES: "Questions about evidence",
    Cost.WHAT_IF: "What-if questions",
    Cost.ANALYSIS_RUNS: "Runs, studies and comparisons",
}


@dataclass(frozen=True)
class LimitRow:
    """A class of requests: how many there may be in a window, and how many there were."""

    name: str
    limit: int | None
    used: int
    window: str
    free_in: str
    """When the next place is free again; empty where none is taken."""


@never_cache
@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Profile, rights, limits."""
    user: Any = request.user
    limits = [_limit(user, cost) for cost in COSTS] if user.role else []
    return render(request, "accounts/account.html", {"rights": rights(user), "limits": limits})


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """Sign out in every other browser, and end tokens."""
    user: Any = request.user
    ended = sessions_end(user=user, besides=request.session.session_key)
    others = f"{ended} other browser{'' if ended == 1 else 's'}" if ended else "No other browser"
    messages.success(request, f"{others} signed out, and all access tokens ended. Your API keys stay.")
    return redirect("account")


def _limit(user: User, cost: Cost) -> LimitRow:
    found = limit_status(user=user, cost=cost)
    used = 0 if found.limit is None or found.remaining is None else found.limit - found.remaining
    return LimitRow(COSTS[cost], found.limit, used, duration(found.window), duration(found.reset) if used else "")
