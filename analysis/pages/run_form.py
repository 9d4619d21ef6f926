"""A new run's form: from what was filled in to the body of POST /analysis/run, and back.

The body is the only state. It is read as the API reads it, so that both refuse the same in the same words; what is no
number stays the text that it is, and is refused there.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from accounts.api.problems import Fault
from analysis.engine.spec import HypothesisSpec, ModelDocument

Body = dict[str, Any]

SUPPOSED = {"do": "interventions", "see": "observations"}
PLAIN = ("seed", "sampler", "model", "stop_when_converged", "fresh", "name")
"""Fields that are called the same in the form and in the body."""
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_ASSIGNED = re.compile(r"(interventions|observations)\[(\d+)\]")
_FIELDS = {
    "hypotheses": "report",
    "evidence_filter.quality_min": "quality_min",
    "evidence_filter.hypothesis": "evidence_hypothesis",
}
LABELS = {
    "iterations": "Iterations",
    "target_year": "Target year",
    "report": "Questions that are reported",
    "quality_min": "Least quality",
    "evidence_hypothesis": "Only items on one question",
    "sources": "Sources",
    "seed": "Seed",
    "sampler": "Sampler",
    "model": "Causal model",
    "overrides": "Other numbers",
    "name": "Name",
}
"""What the form calls its fields, where something is wrong with them."""


def body_of(form: QueryDict, now: ModelDocument) -> Body:
    """What the form asks for. What is as the model has it `now` is left out."""
    body: Body = {}
    if form.get("iterations") == "other":
        body["iterations"] = _number(form.get("iterations_other", ""))
    else:
        _put(body, "iterations", _number(form.get("iterations", "")))
    _put(body, "target_year", _number(form.get("target_year", "")))
    reported = form.getlist("report")
    if reported != list(now.codes):
        body["hypotheses"] = reported
    for code in now.codes:
        kind, _, outcome = form.get(f"suppose_{code}", "").partition(":")
        if kind in SUPPOSED:
            year = _number(form.get(f"from_{code}", ""))
            assigned = {"hypothesis": code, "outcome": outcome, "from_year": year}
            body.setdefault(SUPPOSED[kind], []).append(assigned)
    chosen: Body = {}
    _put(chosen, "quality_min", _number(form.get("quality_min", "")))
    _put(chosen, "hypothesis", form.get("evidence_hypothesis", ""))
    _put(chosen, "sources", form.getlist("sources"))
    _put(body, "evidence_filter", chosen)
    _put(body, "seed", _number(form.get("seed", "")))
    for name in ("sampler", "model", "name"):
        _put(body, name, form.get(name, "").strip())
    for name in ("stop_when_converged", "fresh"):
        _put(body, name, form.get(name) == "on")
    _put(body, "overrides", _json(form.get("overrides", "").strip()))
    usual = {**now.to_json()["run"], "model": now.settings.causal_network.model}
    return {name: value for name, value in body.items() if name not in usual or value != usual[name]}


def body_from(document: ModelDocument, now: ModelDocument) -> Body:
    """The body that asks for the document again, of the model as it is `now`: only what differs."""
    body: Body = {}
    chosen, usual = document.to_json()["run"], now.to_json()["run"]
    for name in ("iterations", "seed", "sampler", "target_year", "stop_when_converged", "hypotheses"):
        if chosen[name] != usual[name]:
            body[name] = chosen[name]
    for name in SUPPOSED.values():
        _put(body, name, chosen[name])
    _put(body, "evidence_filter", {key: value for key, value in chosen["evidence_filter"].items() if value})
    causal, causal_now = document.settings.causal_network, now.settings.causal_network
    if causal.model != causal_now.model:
        body["model"] = causal.model
    _put(body, "overrides", _overrides(document, now))
    return body


@dataclass(frozen=True)
class Choice:
    """One of several values of a field."""

    value: str
    label: str
    help: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Question:
    """A hypothesis in the form: whether it is reported, and what is supposed of it."""

    code: str
    label: str
    outcome_a: str
    outcome_b: str
    reported: bool
    supposed: str
    from_year: Any
    faults: list[str]


@dataclass(frozen=True)
class Form:
    """A body as the form shows it, with what is wrong, by field."""

    body: Body
    faults: dict[str, list[str]] = field(default_factory=dict)

    def questions(self, hypotheses: Iterable[HypothesisSpec], year: int) -> list[Question]:
        """The form's row for each hypothesis; `year` is that from which something is supposed unless one chooses."""
        reported = self.body.get("hypotheses")
        return [
            Question(
                row.code,
                row.label,
                row.outcome_a,
                row.outcome_b,
                reported is None or row.code in reported,
                *self._supposed(row.code, year),
                self.faults.get(f"suppose_{row.code}", []),
            )
            for row in hypotheses
        ]

    def chosen(self, name: str, usual: Any) -> Any:
        """The value of a field, or what it is unless one chooses."""
        return self.body.get(name, usual)

    @property
    def evidence(self) -> Mapping[str, Any]:
        """The filter."""
        chosen: Mapping[str, Any] = self.body.get("evidence_filter", {})
        return chosen

    @property
    def overrides(self) -> str:
        """The overrides as text."""
        given = self.body.get("overrides", "")
        return given if isinstance(given, str) else json.dumps(given, indent=1)

    @property
    def said(self) -> list[tuple[str, str, list[str]]]:
        """What is wrong with fields: each with its id, its label and the messages."""
        return [
            (name, LABELS.get(name, name.removeprefix("suppose_")), found)
            for name, found in self.faults.items()
            if name
        ]

    @property
    def unshown(self) -> bool:
        """Whether more is supposed of one hypothesis than the form has room for."""
        named = Counter(each["hypothesis"] for name in SUPPOSED.values() for each in self.body.get(name, ()))
        return any(count > 1 for count in named.values())

    def _supposed(self, code: str, year: int) -> tuple[str, Any]:
        for kind, name in SUPPOSED.items():
            for each in self.body.get(name, ()):
                if each["hypothesis"] == code:
                    return f"{kind}:{each['outcome']}", each["from_year"]
        return "", year


def faults_by_field(found: Iterable[Fault], body: Body) -> dict[str, list[str]]:
    """What is wrong, by the form's field; at "" what is wrong with the whole."""
    by_field: dict[str, list[str]] = {}
    for each in found:
        by_field.setdefault(_field(each["path"], body), []).append(each["message"])
    return by_field


def _field(path: str, body: Body) -> str:
    if match := _ASSIGNED.match(path):
        return f"suppose_{body[match[1]][int(match[2])]['hypothesis']}"
    if path.startswith("evidence_filter.sources"):
        return "sources"
    name = _FIELDS.get(path, path.partition(".")[0].partition("[")[0])
    return name if name in {*PLAIN, *_FIELDS.values(), "iterations", "target_year", "overrides"} else ""


def _overrides(document: ModelDocument, now: ModelDocument) -> Body:
    """The document's numbers that differ from those of the model as it is now."""
    found: Body = {}
    rows = {row.code: row for row in now.hypotheses}
    for row in document.hypotheses:
        usual = rows.get(row.code, row)
        if row.posterior_probability is not None:
            found.setdefault("posteriors", {})[row.code] = row.posterior_probability
        elif row.prior_probability != usual.prior_probability:
            found.setdefault("priors", {})[row.code] = row.prior_probability
        if row.midpoint_year != usual.midpoint_year:
            found.setdefault("midpoints", {})[row.code] = row.midpoint_year
    strengths = {each.key: each.strength for each in now.influences}
    for influence in document.influences:
        if strengths.get(influence.key, influence.strength) != influence.strength:
            found.setdefault("strengths", {})[influence.key] = influence.strength
    multiplier = document.settings.causal_network.strength_multiplier
    if multiplier != now.settings.causal_network.strength_multiplier:
        found["strength_multiplier"] = multiplier
    return found


def _put(body: Body, name: str, value: Any) -> None:
    if value or (value == 0 and not isinstance(value, bool)):
        body[name] = value


def _number(text: str) -> int | float | str:
    text = text.strip().replace(",", "").replace(" ", "")
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return text
