"""A larger model: the published study with two more hypotheses, 256 scenarios, and feedback through both."""

from __future__ import annotations

from analysis.engine.spec import ModelDocument, parse_model

Influence = tuple[str, str, str, str, float]

_MORE = (("H7", 0.55, 0.5, 2031), ("H8", 0.4, 0.35, 2034))
"""Code, prior and initial probability, year of fastest change."""
_INFLUENCES: tuple[Influence, ...] = (
    ("H1", "A", "H7", "A", 0.2),
    ("H1", "B", "H8", "B", 0.2),
)
FEEDBACK: dict[str, tuple[Influence, ...]] = {
    "two pairs": (
        ("H6", "A", "H7", "B", 0.15),
        ("H4", "B", "H8", "B", 0.15),
        ("H7", "A", "H8", "A", 0.15),
        ("H8", "B", "H7", "B", 0.12),
    ),
    "a circle of three": (
        ("H2", "A", "H7", "A", 0.2),
        ("H7", "A", "H5", "A", 0.12),
        ("H7", "A", "H8", "A", 0.12),
        ("H8", "A", "H6", "A", 0.12),
    ),
    "a circle of four": (
        ("H2", "A", "H7", "A", 0.2),
        ("H7", "A", "H8", "A", 0.15),
        ("H8", "A", "H5", "A", 0.12),
    ),
}
"""How the two take part in feedback: as a pair beside the study's own (H2 and H5), or in a circle with it."""


def eight_hypotheses(study: ModelDocument, feedback: str) -> ModelDocument:
    """The study with H7 and H8, five or six more influences, and the feedback of that name."""
    data = study.to_json()
    like = data["hypotheses"][-1]
    for code, prior, initial, midpoint in _MORE:
        added = {"code": code, "prior_probability": prior, "initial_probability": initial, "midpoint_year": midpoint}
        data["hypotheses"].append(like | {"label": "", "outcome_a": "", "outcome_b": ""} | added)
    keys = ("source", "source_outcome", "target", "target_outcome", "strength")
    for influence in (*_INFLUENCES, *FEEDBACK[feedback]):
        data["influences"].append(dict(zip(keys, influence, strict=True)))
    for cluster in data["clusters"]:
        cluster["pattern"] += "**"
    return parse_model(data)
