"""What choices of a run mean, in the words of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """A choice's name, and what it means."""

    label: str
    help: str


CAUSAL_MODELS: Mapping[str, Words] = {
    "dependency_network": Words(
        "Dependency network", "All influences act at once, feedback loops included, until they settle."
    ),
    "bayesian_network": Words(
        "Bayesian network", "Influences act in one direction only; what would close a loop is left out."
    ),
    "log_linear": Words("Log-linear", "One joint distribution in which each influence favours pairs of outcomes."),
    "independent": Words("Independent", "No influences: each question is answered by its own evidence alone."),
}
SAMPLERS: Mapping[str, Words] = {
    "sobol": Words("Scrambled Sobol' points", "Spread evenly, so that errors shrink faster."),
    "pseudo": Words("Pseudo-random draws", "Independent draws, as in textbook Monte Carlo."),
}
