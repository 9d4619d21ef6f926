"""The method: the model's mathematics, and what it cannot tell."""

from __future__ import annotations

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.policies import Scope
from aifutures_site.config import get_config
from analysis.constants import BASE_YEAR, END_YEAR
from analysis.pages.access import requires
from analysis.wording import JEFFREYS, LIKELIHOOD, percent


@require_safe
@requires(Scope.READ_SCENARIOS)
def method(request: HttpRequest) -> HttpResponse:
    """How evidence becomes probabilities, with the numbers that are configured."""
    analysis = get_config().analysis
    context = {
        "evidence": analysis.evidence,
        "network": analysis.causal_network,
        "monte_carlo": analysis.monte_carlo,
        "base_year": BASE_YEAR,
        "end_year": END_YEAR,
        "likelihood": _likelihood(),
        "jeffreys": _jeffreys(),
    }
    return render(request, "analysis/method.html", context)


def _likelihood() -> list[tuple[str, str]]:
    """The IPCC's words, each with the probabilities it stands for."""
    above = (1.0, *(least for least, _ in LIKELIHOOD))
    return [
        (word, f"{percent(least)} to {percent(most)}") for (least, word), most in zip(LIKELIHOOD, above, strict=False)
    ]


def _jeffreys() -> list[tuple[str, str, str]]:
    """Jeffreys's words, each with the Bayes factors and the nats it stands for."""
    return [(word, f"{10**least:.3g}", f"{least * math.log(10):.2f}") for least, word in JEFFREYS]


urlpatterns = [path("method", method, name="method")]
