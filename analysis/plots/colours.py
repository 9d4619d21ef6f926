"""Colours by meaning, as names of static/css/tokens.css: `plots.js` puts in what they are in light and dark."""

from __future__ import annotations

from analysis.constants import NO_COLOUR

INK, MUTED, LINE, PAPER, ACCENT = "var(--ink)", "var(--muted)", "var(--line)", "var(--paper)", "var(--accent)"
OUTCOME_A, OUTCOME_B = "var(--outcome-a)", "var(--outcome-b)"
GREY = "var(--grey)"
"""Context, and whatever has no colour of its own."""

_TOKENS = {
    "#009E73": "var(--cluster-adaptive)",
    "#D55E00": "var(--cluster-fragmented)",
    "#0072B2": "var(--cluster-constrained)",
    NO_COLOUR: GREY,
}


def cluster_colour(stored: str) -> str:
    """A cluster's stored colour as the token that is this colour in light; one that is no token's as it is."""
    return _TOKENS.get(stored.upper(), stored)
