"""From sums to probabilities and standard errors (MODEL.md 3 and 4): observations, marginals, replicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .sampling import REPLICATES
from .spec import ModelDocument

Floats = NDArray[np.floating]

STUDENT_T = 2.131
"""97.5 % point of Student's t with 15 degrees of freedom (L'Ecuyer & Lemieux 2002)."""


class ImpossibleObservation(ValueError):
    """The observations of a run have probability 0."""


class Reporting(NamedTuple):
    """What of the full joint is reported.

    fits [T, S]: 1 where a scenario agrees with what is observed by the year, else 0 | state [S]: reported state of a
    scenario | codes: letters of the reported states | hypotheses: codes of the reported hypotheses
    """

    fits: Floats
    state: NDArray[np.int32]
    codes: list[str]
    hypotheses: tuple[str, ...]


def letters(hypotheses: int) -> NDArray[np.int64]:
    """[S, n]: 0 where scenario s has outcome A of hypothesis h, else 1."""
    scenario = np.arange(2**hypotheses)
    return scenario[:, None] >> np.arange(hypotheses - 1, -1, -1) & 1


def reporting(document: ModelDocument) -> Reporting:
    """Which scenarios the observations leave over, and how they are summed to the reported hypotheses."""
    outcomes = letters(len(document.codes))
    shown = [h for h, code in enumerate(document.codes) if code in document.reported]
    fits = np.ones((len(document.years), len(outcomes)))
    for observation in document.run.observations:
        column = outcomes[:, document.codes.index(observation.hypothesis)]
        fits[observation.from_year - document.base_year :, column != int(observation.outcome == "B")] = 0.0
    state = np.zeros(len(outcomes), dtype=np.int32)
    for h in shown:
        state = 2 * state + outcomes[:, h].astype(np.int32)
    names = ["".join("AB"[bit] for bit in row) for row in letters(len(shown))]
    return Reporting(fits, state, names, document.reported)


def conditional(joint: Floats, shown: Reporting, base_year: int) -> Floats:
    """Probabilities [..., T, S] given the observations, from sums of joints of the same shape.

    Raises ImpossibleObservation where what is observed has probability 0.
    """
    fitting = joint * shown.fits
    weight = fitting.sum(axis=-1, keepdims=True)
    if not np.all(weight > 0):
        year = base_year + int(np.argwhere(~(weight[..., 0] > 0))[0][-1])
        raise ImpossibleObservation(f"the observations have probability 0 in {year}; nothing can be said given them")
    return np.asarray(fitting / weight)


def marginal(probabilities: Floats, shown: Reporting) -> Floats:
    """Sum [..., S] to the reported states [..., len(shown.codes)]."""
    if len(shown.codes) == shown.state.size:
        return probabilities
    picks = np.zeros((shown.state.size, len(shown.codes)))
    picks[np.arange(shown.state.size), shown.state] = 1.0
    return np.asarray(probabilities @ picks)


def standard_error(replicates: Floats) -> Floats:
    """Standard error of the mean over the first axis, the 16 independent replicates."""
    return np.asarray(replicates.std(axis=0, ddof=1) / REPLICATES**0.5)


def max_half_width(joint: Floats, shown: Reporting, base_year: int) -> float:
    """The largest 95 % half-width over all years and reported states; joint are sums [16, T, S]."""
    replicates = marginal(conditional(joint, shown, base_year), shown)
    return float(STUDENT_T * standard_error(replicates).max())
