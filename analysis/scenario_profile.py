"""One scenario of a run: its outcomes, its course, its neighbours, how it comes about and what pulls at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.engine.spec import HypothesisSpec
from analysis.futures import OTHER, Future, Futures, outcome_words, question_words
from analysis.influences import Link, links_within, network_of
from analysis.models import Scenario
from analysis.reports import Estimate
from analysis.scenarios import UnknownScenario

HARDLY = 0.02
"""A smaller change of an outcome's probability, on the way to the target year, is no event."""
MOST = 8
"""Items of evidence that are listed."""


@dataclass(frozen=True)
class OutcomeRow:
    """What a scenario says about a hypothesis, and how likely that is by itself in the year that is shown."""

    code: str
    question: str
    letter: str
    outcome: str
    estimate: Estimate


@dataclass(frozen=True)
class Neighbour:
    """The scenario that differs in one outcome, and how much likelier it is."""

    question: str
    outcome: str
    future: Future
    difference: float


@dataclass(frozen=True)
class Step:
    """How an outcome comes about, or goes: half of the way from `before` to `after` is done by `year`.

    `year` is None where it hardly moves; `since` the first year from which it stays likelier than not.
    """

    question: str
    outcome: str
    before: Estimate
    after: Estimate
    year: int | None
    since: int | None

    @property
    def rises(self) -> bool:
        """Whether it becomes likelier."""
        return self.after.mean > self.before.mean


@dataclass(frozen=True)
class Profile:
    """A scenario's page."""

    futures: Futures
    future: Future
    year: int
    narrative: str
    outcomes: list[OutcomeRow]
    course: list[Estimate]
    neighbours: list[Neighbour]
    """In the order of the hypotheses."""
    steps: list[Step]
    """From the earliest to the latest, then those that hardly move."""
    pulls: list[tuple[Link, bool]]
    """Influences that act in it, the strongest first, and whether they speak for it."""

    @property
    def number(self) -> int:
        """Of scenarios that there are."""
        return 1 << len(self.outcomes)

    @property
    def moving(self) -> list[Step]:
        """The steps that are events."""
        return [step for step in self.steps if step.year is not None]

    @property
    def steady(self) -> list[Step]:
        """Those that hardly move."""
        return [step for step in self.steps if step.year is None]

    @property
    def supporting(self) -> list[Link]:
        """Influences that speak for it."""
        return [link for link, speaks_for in self.pulls if speaks_for]

    @property
    def opposing(self) -> list[Link]:
        """Influences that speak against it."""
        return [link for link, speaks_for in self.pulls if not speaks_for]


@dataclass(frozen=True)
class Carrier:
    """A finding, and by how much the scenario is likelier with it than without; `error` is a 95 % half-width."""

    id: str
    title: str
    difference: float
    error: float


def scenario_profile(*, futures: Futures, code: str, year: int) -> Profile:
    """A scenario's page. Raises UnknownScenario, UnknownYear."""
    found = {each.code: each for each in futures.in_year(year)}
    if code not in found:
        raise UnknownScenario(f"The run has no scenario {code}.")
    future, place = found[code], futures.years.index(year)
    pairs = list(zip(futures.questions, code, strict=True))
    return Profile(
        futures=futures,
        future=future,
        year=year,
        narrative=Scenario.objects.filter(code=code).values_list("narrative", flat=True).first() or "",
        outcomes=[
            OutcomeRow(
                question.code,
                question_words(question),
                letter,
                outcome_words(question, letter),
                futures.outcome_course(question.code, letter)[place],
            )
            for question, letter in pairs
        ],
        course=futures.course(code),
        neighbours=[_neighbour(found, future, index, *pair) for index, pair in enumerate(pairs)],
        steps=sorted((_step(futures, *pair) for pair in pairs), key=lambda step: step.year or futures.years[-1] + 1),
        pulls=links_within(network_of(futures.document).links, {question.code: letter for question, letter in pairs}),
    )


def carriers(document: Mapping[str, Any]) -> list[Carrier]:
    """The items that bear most on the output of an answer `aifutures.influence/1`, the strongest first."""
    found = [
        Carrier(each["id"], each["title"] or each["id"], -each["output"]["change"], each["output"]["half_width"])
        for each in document["items"]
    ]
    return sorted(found, key=lambda each: -abs(each.difference))[:MOST]


def _neighbour(
    found: Mapping[str, Future], future: Future, index: int, question: HypothesisSpec, letter: str
) -> Neighbour:
    other = OTHER[letter]
    beside = found[future.code[:index] + other + future.code[index + 1 :]]
    return Neighbour(
        question=question_words(question),
        outcome=outcome_words(question, other),
        future=beside,
        difference=beside.estimate.mean - future.estimate.mean,
    )


def _step(futures: Futures, question: HypothesisSpec, letter: str) -> Step:
    last = futures.years.index(futures.target_year)
    course = futures.outcome_course(question.code, letter)[: last + 1]
    means = [each.mean for each in course]
    return Step(
        question=question_words(question),
        outcome=outcome_words(question, letter),
        before=course[0],
        after=course[-1],
        year=_half_way(futures.years, means),
        since=_since(futures.years, means),
    )


def _half_way(years: Sequence[int], means: Sequence[float]) -> int | None:
    """The year by which half of the change is done; None where there is hardly any."""
    change = means[-1] - means[0]
    if abs(change) < HARDLY:
        return None
    return next(year for year, mean in zip(years, means, strict=False) if abs(mean - means[0]) >= abs(change) / 2)


def _since(years: Sequence[int], means: Sequence[float]) -> int | None:
    """The first year from which the mean stays above one half."""
    since = None
    for year, mean in zip(years, means, strict=False):
        since = (since or year) if mean > 0.5 else None
    return since
