"""Local sensitivity (MODEL.md 7): derivative, elasticity and swing of one parameter at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .design import Floats, SensitivityError, check_outputs

STEP = 1e-4
"""Step of the central difference to either side, as a share of the parameter's range."""


class LocalEffects(NamedTuple):
    """How the output changes with one parameter, the others at their nominal values.

    output: at the nominal values | derivative [D]: output per unit of the parameter | elasticity [D]: relative change
    of the output per relative change of the parameter, NaN where the output or the nominal value is 0 | swing_low,
    swing_high [D]: the output at the parameter's low and high value | swing [D]: high less low, signed, the bar of a
    tornado diagram | fixed [D]: the parameter has no range, so derivative, elasticity and swing are 0 by convention,
    not by finding.
    """

    output: float
    derivative: Floats
    elasticity: Floats
    swing_low: Floats
    swing_high: Floats
    swing: Floats
    fixed: NDArray[np.bool_]


def local_values(nominal: ArrayLike, low: ArrayLike, high: ArrayLike) -> Floats:
    """Parameter values [1 + 4 D, D] to evaluate: nominal, then one parameter each a step down, up, at low, at high.

    nominal, low, high [D] are in the parameters' own units; low and high, the ends of the range, are their 5 % and
    95 % points by convention. A step that would leave the range ends there (a one-sided difference).

    Raises SensitivityError, naming the parameter's position, where low <= nominal <= high does not hold.
    """
    centre, bottom, top = _checked(nominal, low, high)
    below, above = _steps(centre, bottom, top)
    values = np.tile(centre, (1 + 4 * centre.size, 1))
    for block, moved in enumerate((below, above, bottom, top)):
        np.fill_diagonal(values[1 + block * centre.size :], moved)
    return values


def local_effects(outputs: ArrayLike, nominal: ArrayLike, low: ArrayLike, high: ArrayLike) -> LocalEffects:
    """Derivatives by central differences, elasticities and swings from the outputs [1 + 4 D] of `local_values`.

    The error of a derivative is h^2 f''' / 6 by truncation, h = 1e-4 of the range, and about eps |f| / h by rounding.

    Raises SensitivityError if the outputs do not fit the values or are not finite, or low <= nominal <= high fails.
    """
    centre, bottom, top = _checked(nominal, low, high)
    values = check_outputs(outputs, 1 + 4 * centre.size)
    output = float(values[0])
    at_below, at_above, at_low, at_high = values[1:].reshape(4, -1)
    below, above = _steps(centre, bottom, top)
    width = above - below
    fixed = width == 0
    derivative = np.divide(at_above - at_below, width, out=np.zeros_like(width), where=~fixed)
    relative = (centre != 0) & (output != 0)
    elasticity = np.divide(derivative * centre, output, out=np.full_like(centre, np.nan), where=relative)
    return LocalEffects(output, derivative, elasticity, at_low, at_high, at_high - at_low, fixed)


def _checked(nominal: ArrayLike, low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats, Floats]:
    centre, bottom, top = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (nominal, low, high))
    if not centre.shape == bottom.shape == top.shape or centre.ndim != 1:
        raise SensitivityError(f"nominal, low, high have the shapes {centre.shape}, {bottom.shape} and {top.shape}")
    wrong = np.flatnonzero(~((bottom <= centre) & (centre <= top) & np.isfinite(top - bottom)))
    if wrong.size:
        d = wrong[0]
        raise SensitivityError(
            f"parameter {d}: nominal {centre[d]} must lie in a finite range, not {bottom[d]} to {top[d]}"
        )
    return centre, bottom, top


def _steps(nominal: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    step = STEP * (high - low)
    return np.maximum(nominal - step, low), np.minimum(nominal + step, high)
