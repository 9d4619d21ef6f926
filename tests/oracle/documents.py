"""Random valid model documents for property tests (MODEL.md 8).

The sizes and switches of a document are strategies of the hypothesis library, so that a failure shrinks to a
small document; its numbers come from a seed. Quality scores lie on a grid and thresholds between its points:
rounding never decides whether an item is used.
"""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from scipy.special import expit

Document = dict[str, Any]

AS_OF = date(2026, 3, 1)
SCORES = ("authority", "methodology", "recency", "replication")
MODELS = ("dependency_network", "bayesian_network", "log_linear", "independent")
SIZES = {
    "hypotheses": (2, 8),
    "years": (1, 76),
    "influences": (0, 24),
    "items": (0, 20),
    "interventions": (0, 2),
    "observations": (0, 2),
}
SWITCHES: Mapping[str, tuple[Any, ...]] = {
    "model": MODELS,
    "feedback_loops": (True, False),
    "centred": (True, False),
}
SMALLEST = 1e-6
"""Probabilities run from here to one minus this."""


def documents(**choices: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    """Valid model documents; `choices` replaces the strategy of a size, of a switch or of the seed."""
    strategies: dict[str, st.SearchStrategy[Any]] = {"seed": st.integers(0, 2**32 - 1)}
    strategies |= {name: st.integers(*bounds) for name, bounds in SIZES.items()}
    strategies |= {name: st.sampled_from(values) for name, values in SWITCHES.items()}
    return st.builds(random_document, **(strategies | choices))


def document_from_seed(seed: int, **choices: Any) -> Document:
    """One random document; sizes and switches that are not chosen come from the seed too."""
    rng = random.Random(seed)
    sizes = {name: rng.randint(*bounds) for name, bounds in SIZES.items()}
    switches = {name: rng.choice(values) for name, values in SWITCHES.items()}
    return random_document(seed, **(sizes | switches | choices))


def random_document(
    seed: int,
    *,
    hypotheses: int,
    years: int,
    influences: int,
    items: int,
    interventions: int,
    observations: int,
    model: str,
    feedback_loops: bool,
    centred: bool,
) -> Document:
    """A valid document (MODEL.md 8); sizes are upper limits where the model has no room for more.

    Nothing is both intervened on and observed, so no observation is impossible.
    """
    rng = random.Random(seed)
    codes = [f"H{h + 1}" for h in range(hypotheses)]
    base = rng.randint(2015, 2035)
    span = (base, base + years - 1)
    shuffled = rng.sample(codes, hypotheses)
    evidence = _evidence(rng, codes, items)
    return {
        "schema": "aifutures.model/1",
        "name": f"Random document {seed}",
        "as_of": AS_OF.isoformat(),
        "base_year": span[0],
        "end_year": span[1],
        "hypotheses": [_hypothesis(rng, code, span) for code in codes],
        "evidence": evidence,
        "influences": _influences(rng, codes, influences),
        "clusters": [
            *({"name": f"Cluster {k}", "pattern": _pattern(rng, codes)} for k in range(rng.randint(0, 3))),
            {"name": "Rest", "pattern": "*" * hypotheses},
        ],
        "settings": {
            "evidence": _evidence_settings(rng),
            "monte_carlo": {"max_iterations": 100_000_000, "convergence_threshold": 0.001},
            "causal_network": {
                "model": model,
                "max_iterations": rng.randint(1, 60),
                "convergence_epsilon": 10 ** rng.uniform(-12, -3),
                "strength_multiplier": _between(rng, 0.0, 2.0),
                "enable_feedback_loops": feedback_loops,
                "center_influences": centred,
                "strength_cv": _between(rng, 0.0, 0.5),
            },
        },
        "run": {
            "iterations": 4096,
            "seed": rng.randint(0, 2**31 - 1),
            "sampler": rng.choice(["sobol", "pseudo"]),
            "dtype": "float64",
            "target_year": rng.randint(*span),
            "stop_when_converged": False,
            "hypotheses": None,
            "interventions": [_outcome(rng, code, span) for code in shuffled[:interventions]],
            "observations": [_outcome(rng, code, span) for code in shuffled[interventions:][:observations]],
            "evidence_filter": _evidence_filter(rng, codes, evidence),
        },
    }


def _between(rng: random.Random, low: float, high: float) -> float:
    """A number of the range, its ends far more often than by chance."""
    return rng.choice([low, high]) if rng.random() < 0.15 else rng.uniform(low, high)


def _probability(rng: random.Random) -> float:
    """Mostly moderate, sometimes even in log-odds up to the limits, sometimes a limit."""
    kind = rng.random()
    if kind < 0.1:
        return rng.choice([SMALLEST, 1 - SMALLEST])
    if kind < 0.3:
        return min(max(float(expit(rng.uniform(-14, 14))), SMALLEST), 1 - SMALLEST)
    return rng.uniform(0.02, 0.98)


def _hypothesis(rng: random.Random, code: str, span: tuple[int, int]) -> dict[str, Any]:
    base, end = span
    return {
        "code": code,
        "label": f"Label {code}",
        "outcome_a": f"{code} happens",
        "outcome_b": f"{code} does not",
        "prior_probability": _probability(rng),
        "initial_probability": _probability(rng),
        "midpoint_year": rng.choice([rng.uniform(base, end), _between(rng, base - 50.0, end + 50.0)]),
        "midpoint_sd": _between(rng, 0.0, 20.0),
        "speed": rng.choice([0.35, 5.0, 10 ** rng.uniform(-3, 0.69)]),
    }


def _influences(rng: random.Random, codes: list[str], count: int) -> list[dict[str, Any]]:
    keys = [(s, a, t, b) for s in codes for t in codes if s != t for a in "AB" for b in "AB"]
    chosen = rng.sample(keys, min(count, len(keys)))
    # Repeated strengths, so that the order in which feedback is cut comes to its ties.
    strengths = [_between(rng, 0.0, 1.0) for _ in range(max(1, len(chosen) - 2))]
    return [
        {
            "source": source,
            "source_outcome": source_outcome,
            "target": target,
            "target_outcome": target_outcome,
            "strength": rng.choice(strengths),
            "description": "",
        }
        for source, source_outcome, target, target_outcome in chosen
    ]


def _evidence(rng: random.Random, codes: list[str], count: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for k in range(count):
        if items and rng.random() < 0.2:
            # A twin, perhaps of another group: the exact tie that ids and group names decide.
            items.append({**rng.choice(items), "id": f"e{k}", "dependency_group": _group(rng)})
            continue
        published = AS_OF - timedelta(days=rng.randint(-200, 12 * 365))
        scores = {name: rng.randint(0, 100) / 100 for name in SCORES}
        items.append(
            {
                "id": f"e{k}",
                "hypothesis": rng.choice(codes),
                "direction": rng.choice("AB"),
                "strength": _between(rng, 0.0, 1.0),
                "quality_scores": scores | ({"recency": None} if rng.random() < 0.6 else {}),
                "publication_date": published.isoformat(),
                "dependency_group": _group(rng),
                "source": f"Source {rng.randint(1, 4)}",
            }
        )
    return items


def _group(rng: random.Random) -> str:
    return rng.choice(["", "", "one", "two", "three"])


def _evidence_settings(rng: random.Random) -> dict[str, float]:
    cuts = sorted(rng.sample(range(1, 10), 3))
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, 10], strict=True)]
    return {
        "quality_threshold": _threshold(rng),
        "max_age_years": rng.choice([5, 10, 20]),
        "replication_bonus": _between(rng, 0.0, 1.0),
        **{f"{name}_weight": weight / 10 for name, weight in zip(SCORES, weights, strict=True)},
        "log_bayes_factor_scale": rng.uniform(1.0, 3.0),
        "within_group_correlation": _between(rng, 0.0, 0.95),
        "between_group_correlation": _between(rng, 0.0, 0.95),
        "model_discrepancy_sd": _between(rng, 0.0, 1.0),
    }


def _threshold(rng: random.Random) -> float:
    """Halfway between two of the thousandths that a quality can be."""
    return (rng.randint(0, 600) + 0.5) / 1000


def _evidence_filter(rng: random.Random, codes: list[str], items: list[dict[str, Any]]) -> dict[str, Any]:
    titles = sorted({item["source"] for item in items})
    return {
        "quality_min": rng.choice([None, None, _threshold(rng)]),
        "sources": rng.sample(titles, rng.choice([0, 0, min(2, len(titles))])),
        "hypothesis": rng.choice([None, None, None, rng.choice(codes)]),
    }


def _outcome(rng: random.Random, code: str, span: tuple[int, int]) -> dict[str, Any]:
    return {"hypothesis": code, "outcome": rng.choice("AB"), "from_year": rng.randint(*span)}


def _pattern(rng: random.Random, codes: list[str]) -> str:
    return "".join(rng.choice("AB***") for _ in codes)
