"""Time (MODEL.md 2): how fast each hypothesis moves from its initial state to its posterior.

With a(t) = speed (midpoint - t) the share of the way gone is G(t) = c(t) (1 + e^a(end)) / (1 + e^a(t)), where
c(t) = (1 - e^(-speed (t - base))) / (1 - e^(-speed (end - base))) does not depend on the midpoint. In this form no
difference of nearly equal numbers is taken, so that float32 keeps its precision for every speed and midpoint.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .spec import MIDPOINT_MARGIN, ModelDocument

Floats = NDArray[np.floating]

LINEAR_BELOW = 1e-9
"""Where L(end) - L(base) is below this, time runs linearly."""


class Timeline(NamedTuple):
    """Constants of the path of each hypothesis; times in years from the base year.

    midpoint, midpoint_sd, speed, initial (log-odds at base) [n] | span: end - base | earliest, latest: bounds of a
    drawn midpoint | course [n, T]: c(t) | linear [T]: (t - base) / span | saturation [n]: c's denominator
    """

    midpoint: Floats
    midpoint_sd: Floats
    speed: Floats
    initial: Floats
    span: float
    earliest: float
    latest: float
    course: Floats
    linear: Floats
    saturation: Floats


def logit(probability: float) -> float:
    """Log-odds in nats."""
    return float(np.log(probability) - np.log1p(-probability))


def timeline(document: ModelDocument, dtype: np.dtype) -> Timeline:
    """The constants of MODEL.md 2 for every hypothesis, in the kernel's precision."""
    hypotheses = document.hypotheses
    t = np.arange(len(document.years), dtype=float)
    span = t[-1]
    speed = np.array([h.speed for h in hypotheses])
    saturation = -np.expm1(-speed * span)
    return Timeline(
        midpoint=np.array([h.midpoint_year - document.base_year for h in hypotheses], dtype=dtype),
        midpoint_sd=np.array([h.midpoint_sd for h in hypotheses], dtype=dtype),
        speed=speed.astype(dtype),
        initial=np.array([logit(h.initial_probability) for h in hypotheses], dtype=dtype),
        span=dtype.type(span),
        earliest=dtype.type(-MIDPOINT_MARGIN),
        latest=dtype.type(span + MIDPOINT_MARGIN),
        course=(-np.expm1(-speed[:, None] * t) / saturation[:, None]).astype(dtype),
        linear=(t / span).astype(dtype),
        saturation=saturation.astype(dtype),
    )
