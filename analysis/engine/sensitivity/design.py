"""What the designs of sensitivity analysis share: groups of parameters, and checks of what is passed in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class SensitivityError(ValueError):
    """A design that cannot be drawn, or outputs that do not fit it; the message names what is wrong."""


def count_groups(groups: Sequence[int]) -> int:
    """The number G of groups that parameters are varied in; groups[j] in 0 ... G - 1 is the group of parameter j.

    Raises SensitivityError if there is no parameter, or if a number below the largest is nobody's group.
    """
    numbers = set(groups)
    if not numbers or numbers != set(range(len(numbers))):
        raise SensitivityError(f"groups must be numbered 0, 1, ... without a gap, not {sorted(numbers)}")
    return len(numbers)


def check_resampling(resamples: int, confidence: float) -> None:
    """Raise SensitivityError unless a bootstrap of this size has a spread and a confidence level has a quantile."""
    if resamples < 2:
        raise SensitivityError(f"resamples must be at least 2, not {resamples}")
    if not 0 < confidence < 1:
        raise SensitivityError(f"confidence must lie between 0 and 1, not {confidence}")


def check_outputs(outputs: ArrayLike, rows: int) -> Floats:
    """The outputs [rows] of a design as float64.

    Raises SensitivityError if there are more or fewer than the design has rows, or one is not finite.
    """
    values = np.asarray(outputs, dtype=np.float64)
    if values.shape != (rows,):
        raise SensitivityError(f"the design has {rows} rows, but outputs have the shape {values.shape}")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise SensitivityError(f"the output of row {row} is {values[row]}; sensitivity needs finite outputs")
    return values
