"""What a result says in words, and whether a variant says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..quantities import TOP, Quantities
from ..spec import HypothesisSpec, ModelDocument

Floats = NDArray[np.floating]

TIE = 0.001
"""Probabilities that differ by no more count as equal: Monte Carlo noise decides nothing."""


class Statement(NamedTuple):
    """A sentence about a result, of what it speaks, and whether estimates [quantities] agree with it."""

    kind: str
    subject: str
    text: str
    holds: Callable[[Floats], bool]


def statements(
    document: ModelDocument, quantities: Quantities, base: Floats, others: Iterable[Floats]
) -> list[Statement]:
    """What can be said: which outcome, which cluster, which scenario is likelier.

    For a hypothesis the side that the base takes. For scenarios the base's five most likely and those that a variant
    puts first; for clusters every one, so that it also shows which are never first.
    """
    leading = [int(np.argmax(values[quantities.scenarios])) for values in (base, *others)]
    top = quantities.top(base)
    return [
        *_hypotheses(document, quantities, base),
        *(_first(quantities, "cluster", at) for at in _positions(quantities.clusters)),
        *(_first(quantities, "scenario", at) for at in dict.fromkeys([*top, *leading])),
        *(_among(quantities, at) for at in top if quantities.scenarios.stop > TOP),
    ]


def _positions(part: slice) -> range:
    return range(part.start, part.stop)


def _hypotheses(document: ModelDocument, quantities: Quantities, base: Floats) -> Iterator[Statement]:
    by_code = {hypothesis.code: hypothesis for hypothesis in document.hypotheses}
    for at in _positions(quantities.hypotheses):
        yield _likelier(by_code[quantities.names[at]], at, "AB" if base[at] >= 0.5 else "BA")


def _likelier(hypothesis: HypothesisSpec, at: int, order: str) -> Statement:
    sign = 1 if order == "AB" else -1

    def holds(values: Floats) -> bool:
        return bool(sign * (2 * values[at] - 1) > TIE)

    one, other = (_outcome(hypothesis, outcome) for outcome in order)
    return Statement("hypothesis", hypothesis.code, f"{hypothesis.code} is more likely {one} than {other}", holds)


def _outcome(hypothesis: HypothesisSpec, outcome: str) -> str:
    words = hypothesis.outcome_a if outcome == "A" else hypothesis.outcome_b
    return f"{outcome} ({words})" if words else outcome


def _first(quantities: Quantities, kind: str, at: int) -> Statement:
    part = quantities.clusters if kind == "cluster" else quantities.scenarios

    def holds(values: Floats) -> bool:
        rivals = np.delete(values[part], at - part.start)
        return rivals.size == 0 or bool(values[at] - rivals.max() > TIE)

    return Statement(kind, quantities.names[at], f"{quantities.names[at]} is the most likely {kind}", holds)


def _among(quantities: Quantities, at: int) -> Statement:
    """Level with the fifth is among the five."""

    def holds(values: Floats) -> bool:
        fifth = np.sort(values[quantities.scenarios])[-TOP]
        return bool(values[at] + TIE >= fifth)

    text = f"{quantities.names[at]} is among the five most likely scenarios"
    return Statement("top_scenario", quantities.names[at], text, holds)


def conclusions(
    said: Sequence[Statement], base: Floats, ordinary: Mapping[str, Floats], extreme: Mapping[str, Floats]
) -> dict[str, Any]:
    """Which statements hold in the base and every variant, in none of them, or here and there.

    Extreme variants are counted apart: they are made to break what can be broken. `exceptions` are the variants that
    say otherwise than the base.
    """
    groups: dict[str, list[dict[str, Any]]] = {"hold_in_all": [], "hold_in_none": [], "depend": []}
    for statement in said:
        in_base = statement.holds(base)
        exceptions = [key for key, values in ordinary.items() if statement.holds(values) != in_base]
        group = "depend" if exceptions else "hold_in_all" if in_base else "hold_in_none"
        groups[group].append(
            {
                "kind": statement.kind,
                "subject": statement.subject,
                "text": statement.text,
                "in_base": in_base,
                "holds": sum(statement.holds(values) for values in ordinary.values()),
                "exceptions": exceptions,
                "extreme_exceptions": [key for key, values in extreme.items() if statement.holds(values) != in_base],
            }
        )
    return {"variants": len(ordinary), "extreme_variants": len(extreme), "tie": TIE, **groups}
