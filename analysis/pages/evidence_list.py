"""What one may ask the list of evidence for, and its rows. What is asked is read as the API reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from analysis.engine.spec import HypothesisSpec
from analysis.evidence_weights import Weights
from analysis.futures import outcome_words
from evidence.api.queries import EvidenceListQuery
from evidence.choices import Direction, EvidenceStatus, SourceType
from evidence.models import Evidence

LEAST = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Qualities that the filter offers as the least; an address may name any other."""
COLUMNS = (
    ("Finding", "title", ""),
    ("Publisher", "", ""),
    ("Year", "published", "-"),
    ("Speaks for", "direction", ""),
    ("Weight (nats)", "weight", "-"),
    ("Quality", "quality", "-"),
    ("Group", "", ""),
)
"""The list's headings: title, by what it sorts, and which way at first."""


@dataclass(frozen=True)
class Asked:
    """What an address asks for: what could be read, and what is wrong with the rest, by parameter."""

    given: dict[str, str]
    filters: dict[str, Any]
    order: tuple[str, ...]
    faults: Mapping[str, Sequence[str]]

    @property
    def narrows(self) -> bool:
        """Whether some items may be left out."""
        return bool(self.filters)

    def query(self, **changes: str) -> str:
        """The query of an address that asks for the same with some changes, without what is empty."""
        query = QueryDict(mutable=True)
        for name, value in {**self.given, **changes}.items():
            if value:
                query[name] = value
        return f"?{query.urlencode()}" if query else ""


def asked(given: QueryDict) -> Asked:
    """What the query of the list's address asks for."""
    named = {name: value for name in given if (value := given.get(name)) and name != "page"}
    query, faults = EvidenceListQuery(data=named), dict[str, list[str]]()
    if not query.is_valid():
        faults = {name: list(map(str, found)) for name, found in query.errors.items()}
        named = {name: value for name, value in named.items() if name not in faults}
        query = EvidenceListQuery(data=named)
        query.is_valid(raise_exception=True)
    filters = dict(query.validated_data)
    return Asked(named, filters, filters.pop("ordering", ()), faults)


class EvidenceFilterForm(forms.Form):
    """The fields in which one asks. They show what the address asks for; `asked` reads it."""

    ordering = forms.CharField(widget=forms.HiddenInput)
    hypothesis = forms.CharField(widget=forms.HiddenInput)
    dependency_group = forms.CharField(widget=forms.HiddenInput)
    source = forms.CharField(widget=forms.HiddenInput)
    q = forms.CharField(label="Words", widget=forms.TextInput({"type": "search"}))
    direction = forms.ChoiceField()
    source_type = forms.ChoiceField(label="Kind of source", choices=[("", "Any"), *SourceType.choices])
    min_quality = forms.ChoiceField()
    published_after = forms.DateField(label="Published from", widget=forms.DateInput({"type": "date"}))
    published_before = forms.DateField(label="Published until", widget=forms.DateInput({"type": "date"}))

    def __init__(self, *, given: Mapping[str, str], questions: Sequence[HypothesisSpec], drafts: bool) -> None:
        super().__init__(initial={**given}, use_required_attribute=False)
        self.fields["direction"] = forms.ChoiceField(
            label="Speaks", choices=[("", "For either"), *_directions(given.get("hypothesis"), questions)]
        )
        self.fields["min_quality"] = forms.ChoiceField(
            label="Quality at least", choices=[("", "Any"), *_least(given.get("min_quality"))]
        )
        if drafts:
            self.fields["status"] = forms.ChoiceField(label="Status", choices=[("", "Any"), *EvidenceStatus.choices])


@dataclass(frozen=True)
class Row:
    """An item in the list. Its bar goes from the middle to the left for A and to the right for B, in percent."""

    item: Evidence
    question: HypothesisSpec
    counts: float | None
    """Its weight after discounts, in nats; None where it does not count."""
    left_out: str
    scale: float

    @property
    def outcome(self) -> str:
        """What it speaks for."""
        return outcome_words(self.question, self.item.direction)

    @property
    def weight(self) -> float:
        """By itself, in nats, of either direction."""
        return abs(self.item.weight)

    @property
    def size(self) -> float:
        """What counts of it, in nats."""
        return abs(self.counts or 0.0)

    @property
    def side(self) -> str:
        """The class of its bar."""
        return self.item.direction.lower()

    @property
    def bar(self) -> dict[str, str]:
        """By itself."""
        return self._bar(self.item.weight)

    @property
    def counted_bar(self) -> dict[str, str]:
        """After discounts."""
        return self._bar(self.counts or 0.0)

    def _bar(self, weight: float) -> dict[str, str]:
        width = 50 * min(abs(weight) / self.scale, 1.0)
        start = 50 - width if self.item.direction == Direction.A else 50.0
        return {"x": f"{start:.2f}%", "width": f"{width:.2f}%"}


@dataclass(frozen=True)
class Heading:
    """A column's heading; `query` sorts by it, the other way where it is sorted by it already."""

    title: str
    name: str
    query: str
    sorted: str
    """`ascending`, `descending` or nothing, as in `aria-sort`."""


def rows(items: Iterable[Evidence], weights: Weights) -> list[Row]:
    """The items as they are listed, their bars on one scale."""
    questions = {each.question.code: each.question for each in weights.balances}
    listed = list(items)
    scale = max((abs(item.weight) for item in listed), default=0.0) or 1.0
    return [
        Row(
            item=item,
            question=questions[item.hypothesis.code],
            counts=weights.counted.get(item.public_id),
            left_out=weights.left_out.get(item.public_id, ""),
            scale=scale,
        )
        for item in listed
    ]


def headings(asked: Asked) -> list[Heading]:
    """The headings of the list as it is sorted now."""
    now = asked.given.get("ordering", "")
    found = []
    for title, name, first in COLUMNS:
        is_now = bool(name) and now.removeprefix("-") == name
        way = ("" if now.startswith("-") else "-") if is_now else first
        shown = ("descending" if now.startswith("-") else "ascending") if is_now else ""
        found.append(Heading(title, name, asked.query(ordering=f"{way}{name}") if name else "", shown))
    return found


def _directions(code: str | None, questions: Sequence[HypothesisSpec]) -> list[tuple[str, str]]:
    """In the words of the hypothesis, where one is chosen."""
    chosen = next((each for each in questions if each.code == code), None)
    if chosen is None:
        return [("A", "For the first outcome (A)"), ("B", "For the second outcome (B)")]
    return [(letter, f"For “{outcome_words(chosen, letter)}”") for letter in "AB"]


def _least(given: str | None) -> list[tuple[str, str]]:
    """The choices, with the one asked for, as it is written, among them."""
    offered = {each: f"{each:g}" for each in LEAST}
    if given:
        offered[float(given)] = given
    return [(text, f"{each:g}") for each, text in sorted(offered.items())]
