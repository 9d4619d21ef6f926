"""What the what-if explorer lets people change, and a question as the query of an address.

    posterior.H1=0.9  strength.H2A-H4B=0.35  multiplier=1.5  midpoint.H3=2031.5
    observe.H2=A  observe.H2.year=2035       suppose that we learn it
    set.H4=B  set.H4.year=2030               make it so

Only what differs from the run's model stands in the address, so that an address stays short and means the same however
it came about. `set.H4=` takes away an intervention that the run itself has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from analysis.choices import Outcome
from analysis.engine.checks import midpoint_range
from analysis.engine.faults import Fault, ModelError
from analysis.engine.overrides import with_overrides
from analysis.engine.posterior import posteriors
from analysis.engine.spec import Assignment, HypothesisSpec, ModelDocument, with_run

RUN = "run"
"""The key of the run that is asked about; without it, the baseline."""
LEAST, MOST = 0.01, 0.99
"""Of a posterior that can be chosen: certainty is what observations and interventions are for."""
MARGIN = 10
"""Years by which a midpoint can be moved out of the years analysed."""
STRONGEST = 3.0
"""Multiplier of all influences that can be chosen, at most, unless the model's own is more."""
LATER = 5
"""Years after the base year from which something is supposed, unless one chooses."""


@dataclass(frozen=True)
class Slider:
    """A number: the model's, as the control writes it, and the one chosen. `words` has {} where the value goes."""

    name: str
    label: str
    words: str
    base: str
    value: str
    low: str
    high: str
    step: str
    percent: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the model's."""
        return self.value != self.base

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return self.written(self.value)

    @property
    def base_shown(self) -> str:
        """The model's value as people read it."""
        return self.written(self.base)

    @property
    def said(self) -> str:
        """The change in words."""
        return self.words.replace("{}", self.shown)

    def written(self, value: str) -> str:
        """A value as people read it."""
        return f"{100 * float(value):.0f}\u202f%" if self.percent else value

    def pairs(self) -> Iterator[tuple[str, str]]:
        """What stands of it in the address."""
        if self.is_changed:
            yield self.name, self.value


@dataclass(frozen=True)
class Supposition:
    """An outcome, or none (""), that a hypothesis is seen in or set to from a year on. `words` has {} for it."""

    name: str
    label: str
    words: str
    outcomes: tuple[tuple[str, str], ...]
    """Value and words of each that can be chosen."""
    years: range
    base: str
    base_year: str
    value: str
    year: str

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the model's."""
        return self.value != self.base or (self.value != "" and self.year != self.base_year)

    @property
    def said(self) -> str:
        """The change in words."""
        if not self.value:
            return f"\u201c{dict(self.outcomes)[self.base]}\u201d were no longer supposed"
        return f"{self.words.replace('{}', dict(self.outcomes)[self.value])} from {self.year}"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """What stands of it in the address."""
        if self.is_changed:
            yield self.name, self.value
            if self.value:
                yield f"{self.name}.year", self.year


@dataclass(frozen=True)
class Asked:
    """A hypothesis with all that can be changed about it."""

    code: str
    label: str
    outcome_a: str
    outcome_b: str
    posterior: Slider
    observe: Supposition
    intervene: Supposition
    midpoint: Slider


@dataclass(frozen=True)
class Question:
    """All controls for a model, with what an address says of them, and what of it could not be understood."""

    document: ModelDocument
    run: str
    """The id of the run that is asked about, if the address names one."""
    hypotheses: tuple[Asked, ...]
    strengths: tuple[Slider, ...]
    multiplier: Slider
    faults: tuple[Fault, ...]

    @property
    def controls(self) -> list[Slider | Supposition]:
        """Every control in the order of the page."""
        each = [control for row in self.hypotheses for control in (row.posterior, row.observe, row.intervene)]
        return [*each, self.multiplier, *self.strengths, *(row.midpoint for row in self.hypotheses)]

    @property
    def changes(self) -> list[str]:
        """What differs from the model, in words."""
        return [control.said for control in self.controls if control.is_changed]

    @property
    def title(self) -> str:
        """The question in words, short."""
        said = self.changes
        match len(said):
            case 0:
                return "What if things were otherwise?"
            case 1 | 2 | 3:
                return f"What if {' and '.join(said)}?"
            case number:
                return f"What if {', '.join(said[:2])} and {number - 2} more changes?"

    @property
    def query(self) -> str:
        """The question as the query of an address, always written the same."""
        query = QueryDict(mutable=True)
        if self.run:
            query[RUN] = self.run
        for control in self.controls:
            query.update(dict(control.pairs()))
        return query.urlencode()

    @property
    def overrides(self) -> dict[str, Any]:
        """The numbers changed, as `with_overrides` takes them."""
        numbers: dict[str, Any] = {
            "posteriors": {row.code: float(row.posterior.value) for row in self.hypotheses if row.posterior.is_changed},
            "strengths": {
                influence.key: float(slider.value)
                for influence, slider in zip(self.document.influences, self.strengths, strict=True)
                if slider.is_changed
            },
            "midpoints": {row.code: float(row.midpoint.value) for row in self.hypotheses if row.midpoint.is_changed},
        }
        if self.multiplier.is_changed:
            numbers["strength_multiplier"] = float(self.multiplier.value)
        return {name: value for name, value in numbers.items() if value != {}}

    @property
    def interventions(self) -> list[dict[str, Any]]:
        """All that is set, as a model document writes it."""
        return [_assignment(row.code, row.intervene) for row in self.hypotheses if row.intervene.value]

    @property
    def observations(self) -> list[dict[str, Any]]:
        """All that is observed, as a model document writes it."""
        return [_assignment(row.code, row.observe) for row in self.hypotheses if row.observe.value]

    def run_document(self, *, iterations: int) -> ModelDocument:
        """The model with what is changed, to be run in full. Raises ModelError."""
        if self.faults:
            raise ModelError(list(self.faults))
        changed = with_overrides(self.document, self.overrides)
        allowed = min(iterations, self.document.settings.monte_carlo.max_iterations)
        return with_run(changed, iterations=allowed, interventions=self.interventions, observations=self.observations)


def question_of(*, document: ModelDocument, query: QueryDict) -> Question:
    """The controls for a run's model, with the values of an address. What it says wrongly is in `faults`, by key."""
    given = _Given(query)
    means = {belief.code: 1 / (1 + math.exp(-belief.mu)) for belief in posteriors(document)}
    specs = {spec.code: spec for spec in document.hypotheses}
    hypotheses = tuple(_asked(document, spec, means[spec.code], given) for spec in document.hypotheses)
    strengths = tuple(
        given.slider(
            name=f"strength.{influence.key.replace('>', '-')}",
            label=f"{_outcome(specs[influence.source], influence.source_outcome)} \u2192 "
            f"{_outcome(specs[influence.target], influence.target_outcome)}",
            words=f"\u201c{_outcome(specs[influence.source], influence.source_outcome)}\u201d raised "
            f"\u201c{_outcome(specs[influence.target], influence.target_outcome)}\u201d by {{}}",
            base=influence.strength,
            low=0.0,
            high=1.0,
            step="0.01",
        )
        for influence in document.influences
    )
    own = document.settings.causal_network.strength_multiplier
    multiplier = given.slider(
        name="multiplier",
        label="All influences together, times",
        words="all influences were {} times as strong",
        base=own,
        low=0.0,
        high=max(STRONGEST, own),
        step="0.1",
    )
    return Question(
        document=document,
        run=query.get(RUN, ""),
        hypotheses=hypotheses,
        strengths=strengths,
        multiplier=multiplier,
        faults=tuple(given.faults()),
    )


def _asked(document: ModelDocument, spec: HypothesisSpec, mean: float, given: _Given) -> Asked:
    code, label = spec.code, spec.label or spec.code
    earliest, latest = midpoint_range(document)
    own = spec.midpoint_year
    return Asked(
        code=code,
        label=label,
        outcome_a=_outcome(spec, "A"),
        outcome_b=_outcome(spec, "B"),
        posterior=given.slider(
            name=f"posterior.{code}",
            label=f"{label}: probability that the evidence gives to \u201c{_outcome(spec, 'A')}\u201d",
            words=f"\u201c{_outcome(spec, 'A')}\u201d were at {{}}",
            base=min(max(mean, LEAST), MOST),
            low=LEAST,
            high=MOST,
            step="0.01",
            percent=True,
        ),
        observe=given.supposition(
            name=f"observe.{code}",
            label="Suppose we learn",
            words="\u201c{}\u201d were seen",
            spec=spec,
            years=document.years,
            own=document.run.observations,
        ),
        intervene=given.supposition(
            name=f"set.{code}",
            label="Make it so",
            words="\u201c{}\u201d were made so",
            spec=spec,
            years=document.years,
            own=document.run.interventions,
        ),
        midpoint=given.slider(
            name=f"midpoint.{code}",
            label=label,
            words=f"{label} changed fastest in {{}}",
            base=own,
            low=max(min(document.base_year - MARGIN, math.floor(own)), earliest),
            high=min(max(document.end_year + MARGIN, math.ceil(own)), latest),
            step="0.5",
        ),
    )


class _Given:
    """What an address says. Each key that a control takes is off the list; what is left nobody knows."""

    def __init__(self, query: QueryDict) -> None:
        self._left: dict[str, Sequence[str]] = dict(query.lists())
        self._left.pop(RUN, None)
        self._faults: list[Fault] = []

    def slider(
        self,
        *,
        name: str,
        label: str,
        words: str,
        base: float,
        low: float,
        high: float,
        step: str,
        percent: bool = False,
    ) -> Slider:
        """A slider at the value given, or at the model's."""
        decimals = len(step.partition(".")[2])
        own = _digits(base, step)
        value = self._take(name)
        if value is not None:
            chosen = _number(value)
            if low <= chosen <= high:
                value = _digits(chosen, step)
            else:
                self._fault(name, f"must be a number from {low:g} to {high:g}, not {value[:40]!r}")
                value = None
        return Slider(
            name=name,
            label=label,
            words=words,
            base=own,
            value=own if value is None else value,
            low=f"{low:.{decimals}f}",
            high=f"{high:.{decimals}f}",
            step=step,
            percent=percent,
        )

    def supposition(
        self, *, name: str, label: str, words: str, spec: HypothesisSpec, years: range, own: Sequence[Assignment]
    ) -> Supposition:
        """An outcome and a year as given, or as the model has them."""
        mine = next((each for each in own if each.hypothesis == spec.code), None)
        base = mine.outcome if mine else ""
        base_year = str(mine.from_year if mine else min(years[0] + LATER, years[-1]))
        value, year = self._take(name), self._take(f"{name}.year")
        if value is not None and value not in ("", *Outcome.values):
            self._fault(name, f"must be A, B or empty, not {value[:40]!r}")
            value = None
        if year is not None and year not in map(str, years):
            self._fault(f"{name}.year", f"must be a year from {years[0]} to {years[-1]}, not {year[:40]!r}")
            year = None
        return Supposition(
            name=name,
            label=label,
            words=words,
            outcomes=(("A", _outcome(spec, "A")), ("B", _outcome(spec, "B"))),
            years=years,
            base=base,
            base_year=base_year,
            value=base if value is None else value,
            year=base_year if year is None else year,
        )

    def faults(self) -> Iterator[Fault]:
        """What could not be understood."""
        yield from self._faults
        for name in self._left:
            yield Fault(name[:80], "is nothing that this model can be asked")

    def _take(self, name: str) -> str | None:
        values = self._left.pop(name, ())
        if len(values) > 1:
            self._fault(name, "stands there more than once")
        return values[0] if len(values) == 1 else None

    def _fault(self, name: str, message: str) -> None:
        self._faults.append(Fault(name, message))


def _assignment(code: str, chosen: Supposition) -> dict[str, Any]:
    return {"hypothesis": code, "outcome": chosen.value, "from_year": int(chosen.year)}


def _outcome(spec: HypothesisSpec, letter: str) -> str:
    return (spec.outcome_a if letter == "A" else spec.outcome_b) or f"{spec.code}{letter}"


def _number(text: str) -> float:
    """A number; not a number (NaN) for whatever is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _digits(value: float, step: str) -> str:
    """The nearest value that the control can have, as a browser writes it: 0.9, 2031.5."""
    return f"{round(value / float(step)) * float(step):.{len(step.partition('.')[2])}f}".rstrip("0").rstrip(".")
