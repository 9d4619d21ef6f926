"""What patterns of clusters take in: how many scenarios, and how likely they are in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from analysis.engine.clusters import fits
from analysis.models import AnalysisRun


class Share(NamedTuple):
    """What a cluster has: scenarios, and their probability together; None where no run tells."""

    scenarios: int
    probability: float | None


def shares(patterns: Sequence[str], *, probabilities: Mapping[str, float] | None) -> list[Share]:
    """What each pattern takes of the scenarios that no earlier one takes; all are as long as the first.

    `probabilities` are by code, of all scenarios; codes of another length tell nothing.
    """
    codes = ["".join(letters) for letters in product("AB", repeat=len(patterns[0]) if patterns else 0)]
    known = probabilities if probabilities and probabilities.keys() == set(codes) else None
    taken: list[list[str]] = [[] for _ in patterns]
    for code in codes:
        index = next((index for index, pattern in enumerate(patterns) if fits(pattern, code)), None)
        if index is not None:
            taken[index].append(code)
    return [Share(len(part), None if known is None else sum(known[code] for code in part)) for part in taken]


def scenario_probabilities(run: AnalysisRun | None) -> Mapping[str, float] | None:
    """Mean probability by scenario code in the target year of a run that has a result."""
    result = run.result_document if run else None
    return result["scenario_probabilities"] if result else None
