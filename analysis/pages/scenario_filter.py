"""What one may ask the list of scenarios for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms

from analysis.engine.spec import HypothesisSpec
from analysis.futures import Future, Futures, outcome_words, question_words
from analysis.wording import percent

LEAST = (0.001, 0.005, 0.01, 0.02, 0.05)
"""Probabilities that the filter offers as the least; an address may name any other."""
ORDERS: Mapping[str, tuple[str, Callable[[Future], Any]]] = {
    "scenario": ("Scenario", lambda future: future.name),
    "code": ("Code", lambda future: future.code),
    "cluster": ("Cluster", lambda future: future.family.name if future.family else ""),
    "probability": ("Probability", lambda future: -future.estimate.mean),
    "high": ("90 % interval", lambda future: -future.estimate.high),
}
"""By what the list can be sorted: the column's heading, and the key: numbers from the highest, intervals by the end."""


class ScenarioFilterForm(forms.Form):
    """Year, least probability, cluster, outcomes and order: all of them in the page's address."""

    sort = forms.ChoiceField(
        required=False, choices=[(each, title) for each, (title, _) in ORDERS.items()], widget=forms.HiddenInput
    )
    run = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], *, futures: Futures) -> None:
        super().__init__(data)
        self.futures = futures
        first, last = futures.years[0], futures.years[-1]
        self.fields["year"] = forms.IntegerField(required=False, label="Year", min_value=first, max_value=last)
        self.fields["min_probability"] = forms.TypedChoiceField(
            required=False, label="At least", coerce=float, choices=_least(data.get("min_probability"))
        )
        self.fields["cluster"] = forms.ChoiceField(
            required=False, label="Cluster", choices=[("", "Any"), *((name, name) for name in futures.families)]
        )
        for question in futures.questions:
            self.fields[_name(question)] = forms.ChoiceField(
                required=False,
                label=question_words(question),
                choices=[("", "Either"), *((letter, outcome_words(question, letter)) for letter in "AB")],
            )

    @property
    def chosen_year(self) -> int:
        """The year that is asked about, the target year where the one asked about is none of the run's."""
        found: int | None = self.cleaned_data.get("year")
        return found if found is not None else self.futures.target_year

    @property
    def sort_by(self) -> str:
        """The order that is asked for."""
        return self.cleaned_data.get("sort") or "probability"

    @property
    def outcomes(self) -> list[forms.BoundField]:
        """The fields for outcomes."""
        return [self[_name(question)] for question in self.futures.questions]

    @property
    def narrows(self) -> bool:
        """Whether some scenarios may be left out."""
        names = ("min_probability", "cluster", *map(_name, self.futures.questions))
        return any(self.cleaned_data.get(name) for name in names)

    def sought(self, found: Sequence[Future]) -> list[Future]:
        """The scenarios that are asked for, in the order that is asked for."""
        asked = self.cleaned_data
        letters = [asked.get(_name(question)) for question in self.futures.questions]
        least = asked.get("min_probability") or 0.0
        kept = [
            future
            for future in found
            if future.estimate.mean >= least
            and (not asked.get("cluster") or (future.family and future.family.name == asked["cluster"]))
            and all(not wanted or wanted == letter for wanted, letter in zip(letters, future.code, strict=True))
        ]
        key = ORDERS[self.sort_by][1]
        return sorted(kept, key=lambda future: (key(future), future.rank))


def _name(question: HypothesisSpec) -> str:
    return f"outcome_{question.code}"


def _least(asked: str | None) -> list[tuple[str, str]]:
    """The choices, with the one asked for, as it is written, among them if it is a probability."""
    offered = {each: f"{each:g}" for each in LEAST}
    with contextlib.suppress(ValueError):
        offered[float(asked or "")] = asked or ""
    within = sorted((each, text) for each, text in offered.items() if 0 <= each <= 1)
    return [("", "Any"), *((text, percent(each)) for each, text in within)]
