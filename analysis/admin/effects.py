"""What the scores on the form of an item would do, told while they are edited."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from accounts.numbers import number_of
from accounts.policies import Scope, may
from analysis.effects import ItemEffect, item_effect
from analysis.engine.spec import ModelError
from analysis.wording import bayes_factor, jeffreys, percent
from evidence.models import Evidence
from evidence.models.assessments import WEIGHING
from evidence.selectors import evidence_list

_UNSAVED = "unsaved-item"
"""The name that a new item has in the model until it has one of its own."""
_EXCLUDED = {
    "future": "its source is dated after the day that analyses are made as of",
    "too_old": "its source is older than analyses look back",
    "low_quality": "its quality is below the threshold",
}


class WeighingForm(forms.ModelForm):
    """What weighs in an item, not to be stored."""

    class Meta:
        model = Evidence
        fields = WEIGHING


@require_POST
def effect(request: HttpRequest) -> HttpResponse:
    """In words what the item `item`, or a new one, would do with these scores; `missing`: what is not right yet."""
    if not may(request.user, Scope.WRITE_EVIDENCE):
        raise PermissionDenied
    number = number_of(request.POST.get("item"))
    stored = evidence_list(user=request.user).filter(pk=number).first() if number else None
    form = WeighingForm(request.POST, instance=Evidence(public_id=stored.public_id if stored else _UNSAVED))
    if not form.is_valid():
        labels = [str(form.fields[name].label).lower() for name in form.errors if name in form.fields]
        return JsonResponse({"missing": labels})
    draft = cast("Evidence", form.instance)
    try:
        found = item_effect(stored=stored, draft=draft)
    except ModelError as error:
        return JsonResponse({"missing": [str(error)]})
    return JsonResponse({"missing": [], **_words(draft, found)})


effect_view = admin.site.admin_view(effect)


def _words(draft: Evidence, found: ItemEffect) -> dict[str, Any]:
    posteriors = [
        {
            "hypothesis": f"{change.hypothesis}: {change.hypothesis.outcome_a}",
            "before": change.before_words,
            "after": change.after_words,
            "change": change.words,
        }
        for change in found.changes
    ]
    if found.entry is None:
        reason = _EXCLUDED.get(found.excluded, found.excluded)
        return {"left_out": f"Analyses leave it out: {reason}.", "posteriors": posteriors}
    entry, outcome = found.entry, getattr(draft.hypothesis, f"outcome_{draft.direction.lower()}")
    return {
        "left_out": "",
        "quality": f"{entry.quality:.2f}",
        "weight": f"{entry.weight:+.2f} nats",
        "factor": f"{bayes_factor(entry.weight)} to 1 for “{outcome}”",
        "strength": jeffreys(entry.weight),
        "counted": f"{entry.weight * entry.shrink:+.2f} nats",
        "shrinkage": f"{percent(entry.shrink)} of its weight: {_company(draft, found)}",
        "posteriors": posteriors,
    }


def _company(draft: Evidence, found: ItemEffect) -> str:
    group = (
        f"one of {found.members} in its group" if found.members > 1
        else "alone in its group" if draft.dependency_group
        else "in no group"
    )  # fmt: skip
    sides = "1 group" if found.groups == 1 else f"{found.groups} groups"
    return f"{group}, {sides} for this outcome"
