"""Screening by elementary effects (MODEL.md 7): Morris's trajectories and their statistics, by SALib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from SALib.analyze import morris as analysis
from SALib.sample import morris as sampling

from .design import Floats, SensitivityError, check_outputs, check_resampling, count_groups


class MorrisEffects(NamedTuple):
    """Elementary effects of G groups, in units of the output per length of the unit interval.

    mu [G]: mean effect; opposite effects cancel | mu_star [G]: mean size of the effect, and its half-width
    mu_star_conf [G] | sigma [G]: standard deviation, of interactions and curvature; NaN for a group of several
    parameters, whose effects have no common direction.
    """

    mu: Floats
    mu_star: Floats
    mu_star_conf: Floats
    sigma: Floats


def morris_sample(groups: Sequence[int], trajectories: int, seed: int, levels: int = 4) -> Floats:
    """Trajectories through the unit cube, [trajectories (G + 1), D] (Morris 1991; groups: Campolongo et al. 2007).

    groups[j] in 0 ... G - 1 is the group that parameter j moves with. Points lie on the grid 0, 1 / (levels - 1),
    ... 1: an unbounded parameter must be read over a range, as 0 and 1 are its infinities.

    Raises SensitivityError for fewer than 2 trajectories, an odd number of levels (the two directions would not be
    equally likely everywhere) or groups that leave a number out.
    """
    count_groups(groups)
    if trajectories < 2:
        raise SensitivityError(f"trajectories must be at least 2, not {trajectories}")
    _check_levels(levels)
    return np.asarray(sampling.sample(_problem(groups), trajectories, num_levels=levels, seed=int(seed)))


def morris_effects(
    sample: Floats,
    outputs: ArrayLike,
    groups: Sequence[int],
    *,
    seed: int,
    levels: int = 4,
    resamples: int = 100,
    confidence: float = 0.95,
) -> MorrisEffects:
    """Statistics of the elementary effects (Morris 1991; mu_star: Campolongo et al. 2007) of a `morris_sample`.

    `groups` and `levels` are those of the sample. mu_star_conf is a normal quantile times the bootstrap's standard
    deviation (Archer et al. 1997).

    Raises SensitivityError if groups or outputs do not fit the sample, an output is not finite, resamples are below 2
    or confidence lies outside (0, 1).
    """
    factors = count_groups(groups)
    rows, parameters = sample.shape
    if parameters != len(groups):
        raise SensitivityError(f"the sample has {parameters} parameters, but there are groups of {len(groups)}")
    if rows % (factors + 1):
        raise SensitivityError(f"the sample has {rows} rows, no whole number of trajectories of {factors + 1} points")
    _check_levels(levels)
    check_resampling(resamples, confidence)
    values = check_outputs(outputs, rows)
    found = analysis.analyze(
        _problem(groups),
        sample,
        values,
        num_resamples=resamples,
        conf_level=confidence,
        num_levels=levels,
        seed=int(seed),
    )
    order = np.argsort(found["names"])  # SALib numbers groups by their first appearance
    mu, mu_star, conf, sigma = (
        np.ma.filled(found[name], np.nan)[order] for name in ("mu", "mu_star", "mu_star_conf", "sigma")
    )
    return MorrisEffects(mu, mu_star, conf, sigma)


def _check_levels(levels: int) -> None:
    if levels < 2 or levels % 2:
        raise SensitivityError(f"levels must be an even number from 2 on, not {levels}")


def _problem(groups: Sequence[int]) -> dict[str, Any]:
    """The unit cube in SALib's terms."""
    names = [f"x{column}" for column in range(len(groups))]
    return {"num_vars": len(names), "names": names, "bounds": [[0, 1]] * len(names), "groups": list(groups)}
