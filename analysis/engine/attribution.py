"""How much of the difference between two models each change explains.

The changes are made one after another, in the fixed order of `changes`, and every model on the way is simulated at one
common setting: the same Sobol' points in float64 (common random numbers; Law 2015, Simulation Modeling and Analysis,
section 11.2), so that nearly all chance cancels in each difference. As with any one-at-a-time decomposition, what
changes do only together goes to the later one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .changes import Change, Kind, blended
from .estimate import STUDENT_T, standard_error
from .quantities import Estimate, estimate, quantities
from .spec import ModelDocument

Floats = NDArray[np.floating]

SETTING = {"seed": 42, "sampler": "sobol", "dtype": "float64", "stop_when_converged": False}
"""What all models on the way are simulated with, besides the iterations."""
_LARGE = 128
"""Scenarios from which on a model has fewer iterations and steps, so that the time stays within some ten seconds."""
_SPELT_OUT = 4
_GROUPS: Mapping[Kind, str] = {
    "hypotheses": "to prior and timing of",
    "weighing": "to how evidence is weighed",
    "evidence": "to the evidence on",
    "influences": "to the influences into",
    "causal": "to the causal network",
    "clusters": "to the clusters",
    "supposed": "to what is supposed of",
}

Quantity = tuple[str, str]
"""Kind (scenario, cluster or hypothesis) and name."""


class Step(NamedTuple):
    """Changes that are made together: what they are in words, and their indices in the list of changes."""

    text: str
    changes: tuple[int, ...]


class Attribution(NamedTuple):
    """The part of each step in the difference of each quantity, with its 95 % half-width: [steps, quantities].

    `total` [quantities] is what the parts sum to: after less before, both at the common setting; `total_half_width`
    is its half-width.
    """

    steps: list[Step]
    grouped: bool
    quantities: list[Quantity]
    parts: Floats
    half_widths: Floats
    total: Floats
    total_half_width: Floats


def default_iterations(document: ModelDocument) -> int:
    """Iterations of each model on the way."""
    return 4_096 if 2 ** len(document.codes) >= _LARGE else 16_384


def max_steps(document: ModelDocument) -> int:
    """More steps than that are made together, those of one kind and hypothesis."""
    return 20 if 2 ** len(document.codes) >= _LARGE else 40


def attribute(
    before: ModelDocument,
    after: ModelDocument,
    changes: Sequence[Change],
    *,
    iterations: int,
    jit: bool = True,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Attribution:
    """Attribute the difference between two models to their changes, those to the Monte Carlo run left out.

    Of clusters, those that both models have. `on_progress` gets the models simulated and in all. Raises
    ImpossibleObservation if a model on the way makes what is observed impossible.
    """
    steps, grouped = _steps(changes, max_steps(before))
    way = [before]
    made: set[str] = set()
    for step in steps[:-1]:
        made |= {changes[index].path for index in step.changes}
        way.append(blended(before, after, made))
    way += [after] * bool(steps)
    common = set(_quantities(after))
    wanted = [quantity for quantity in _quantities(before) if quantity in common]
    found = []
    for done, document in enumerate(way, start=1):
        found.append(_estimated(document, wanted, iterations, jit, threads))
        if on_progress is not None:
            on_progress(done, len(way))
    shape = (len(steps), len(wanted))
    errors = [standard_error(new.replicates - old.replicates) for old, new in pairwise(found)]
    return Attribution(
        steps,
        grouped,
        wanted,
        np.reshape([new.mean - old.mean for old, new in pairwise(found)], shape),
        STUDENT_T * np.reshape(errors, shape),
        found[-1].mean - found[0].mean,
        STUDENT_T * standard_error(found[-1].replicates - found[0].replicates),
    )


def _steps(changes: Sequence[Change], most: int) -> tuple[list[Step], bool]:
    """The steps, and whether changes that could have been made one by one had to be grouped."""
    made = {index: change for index, change in enumerate(changes) if change.kind != "monte_carlo"}
    coarse: set[Kind] = set()
    while True:
        groups: dict[tuple[str, str], list[int]] = {}
        for index, change in made.items():
            groups.setdefault((change.kind, change.about) if change.kind in coarse else _unit(change), []).append(index)
        fine = Counter(change.kind for change in made.values() if change.kind not in coarse)
        if len(groups) <= most or not fine:
            return [Step(_text([made[i] for i in group]), tuple(group)) for group in groups.values()], bool(coarse)
        coarse.add(fine.most_common(1)[0][0])


def _unit(change: Change) -> tuple[str, str]:
    """What can only be made together: weights that sum to 1, an ordered list, what is supposed of one hypothesis."""
    if change.path.endswith("_weight"):
        return "weights", ""
    if change.kind in {"clusters", "supposed"}:
        return change.kind, change.about
    return "", change.path


def _text(group: list[Change]) -> str:
    if len(group) <= _SPELT_OUT:
        return "; ".join(change.text for change in group)
    return f"{len(group)} changes {_GROUPS[group[0].kind]} {group[0].about}".rstrip()


def _quantities(document: ModelDocument) -> list[Quantity]:
    found = quantities(document)
    return [(found.kind(at), name) for at, name in enumerate(found.names)]


def _estimated(
    document: ModelDocument, wanted: list[Quantity], iterations: int, jit: bool, threads: int | None
) -> Estimate:
    common = document.model_copy(update={"run": document.run.model_copy(update={**SETTING, "iterations": iterations})})
    position = {quantity: at for at, quantity in enumerate(_quantities(document))}
    columns = [position[quantity] for quantity in wanted]
    found = estimate(common, quantities(common), jit=jit, threads=threads)
    return Estimate(found.mean[columns], found.replicates[:, columns])
