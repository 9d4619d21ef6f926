"""Questions about the way through time: when a probability is passed, when the lead changes, how entropy goes.

Everything is read off the joint of every year (MODEL.md 2 to 4): means from all iterations, intervals from the draws
that a run's quantiles come from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import ENGINE_VERSION
from .clusters import membership_matrix
from .estimate import Reporting, conditional, letters, marginal, reporting
from .faults import Fault, ModelError
from .result import QUANTILES, SHORT, entropy_bits
from .simulate import Progress, sample_joint, simulate_sums
from .spec import ModelDocument, input_hash

Floats = NDArray[np.floating]

SCHEMA = "aifutures.paths/1"
FORMS = "H1=A:0.5, cluster:NAME:0.4 or scenario:CODE:0.1, with :below before the number if falling"
_QUESTION = re.compile(
    r"(?:(?P<hypothesis>\w+)=(?P<outcome>[AB])|cluster:(?P<cluster>.+?)|scenario:(?P<scenario>[AB]+))"
    r"(?P<below>:below)?:(?P<probability>\d*\.?\d+)"
)


@dataclass(frozen=True)
class Passage:
    """The question in which year a probability first reaches a level, from below or from above.

    `picks` [S]: 1 for the scenarios that belong to it; `level` in (0, 1).
    """

    text: str
    kind: Literal["hypothesis", "cluster", "scenario"]
    subject: str
    direction: Literal["above", "below"]
    level: float
    picks: Floats

    def holds(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Where the level is reached, or passed."""
        return probabilities >= self.level if self.direction == "above" else probabilities <= self.level


def parse_passage(document: ModelDocument, text: str, path: str = "passes") -> Passage:
    """The question that `text` asks: one of FORMS. Raises ModelError naming what is wrong with it."""
    match = _QUESTION.fullmatch(text)
    if match is None:
        raise ModelError([Fault(path, f"{text!r} must look like {FORMS}")])
    level = float(match["probability"])
    if not 0 < level < 1:
        raise ModelError([Fault(path, f"{text!r}: the probability must lie between 0 and 1, not {level:g}")])
    kind: Literal["hypothesis", "cluster", "scenario"]
    if match["hypothesis"]:
        kind, name, subject = "hypothesis", match["hypothesis"], f"{match['hypothesis']}={match['outcome']}"
        known = list(document.codes)
    elif match["cluster"]:
        kind, name, subject = "cluster", match["cluster"], match["cluster"]
        known = [cluster.name for cluster in document.clusters]
    else:
        kind, name, subject = "scenario", match["scenario"], match["scenario"]
        known = reporting(document).codes
    if name not in known:
        shown = f"known are {', '.join(known)}" if kind != "scenario" else f"it needs {len(known[0])} letters"
        raise ModelError([Fault(path, f"{text!r}: unknown {kind} {name!r}; {shown}")])
    index = known.index(name)
    if kind == "hypothesis":
        picks = letters(len(document.codes))[:, index] == (match["outcome"] == "B")
    elif kind == "cluster":
        picks = membership_matrix(document)[:, index]
    else:
        picks = reporting(document).state == index
    return Passage(text, kind, subject, "below" if match["below"] else "above", level, picks.astype(float))


def path_report(
    document: ModelDocument,
    questions: Sequence[Passage],
    *,
    jit: bool = True,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Answer the questions, and tell how lead and entropy go, as plain JSON values.

    - `passages` [{question, kind, subject, direction, level, mean {year, probability}, draws {q05, q50, q95, never},
      path [mean probability per year]}]: the first year in which the mean reaches the level, and the quantiles over
      the draws of the first year in which the draw's own probability does; null is never by the end year, and `never`
      the share of such draws. A level that is reached in the base year is reached then.
    - `years` [{year, most_likely, probability, entropy_bits}] of the mean joint of the reported hypotheses
    - `leading` [{year, from, to, probability}]: the years in which the most likely scenario is another than before
    - `entropy` {largest_rise, largest_fall}: {year, bits} of the largest change on the year before, or null
    - `metadata` {input_hash, engine_version, seed, sampler, iterations, draws}

    With observations a draw's probability is the one given what is observed by that year, and the draw weighs as in
    the end year, when all of it has been (MODEL.md 3). `on_progress` as in `simulate`. Raises ImpossibleObservation.
    """
    shown = reporting(document)
    sums = simulate_sums(document, jit=jit, threads=threads, on_progress=on_progress)
    full = conditional(sums.sum(axis=0), shown, document.base_year)
    sample = sample_joint(document, jit=jit, threads=threads)
    years = list(_years(document, marginal(full, shown), shown))
    return {
        "schema": SCHEMA,
        "passages": _passages(document, questions, full, sample, shown) if questions else [],
        "years": years,
        "leading": [
            {
                "year": now["year"],
                "from": before["most_likely"],
                "to": now["most_likely"],
                "probability": now["probability"],
            }
            for before, now in pairwise(years)
            if now["most_likely"] != before["most_likely"]
        ],
        "entropy": _entropy(years),
        "metadata": {
            "input_hash": input_hash(document),
            "engine_version": ENGINE_VERSION,
            "seed": document.run.seed,
            "sampler": document.run.sampler,
            "iterations": round(sums[:, 0].sum()),
            "draws": sample.shape[-1],
        },
    }


def _years(document: ModelDocument, probabilities: Floats, shown: Reporting) -> Iterator[dict[str, Any]]:
    for year, p in zip(document.years, probabilities, strict=True):
        first = int(np.argmax(p))
        yield {
            "year": year,
            "most_likely": shown.codes[first],
            "probability": float(p[first]),
            "entropy_bits": entropy_bits(p),
        }


def _entropy(years: Sequence[dict[str, Any]]) -> dict[str, Any]:
    changes = [
        {"year": now["year"], "bits": now["entropy_bits"] - before["entropy_bits"]} for before, now in pairwise(years)
    ]
    rise, fall = (pick(changes, key=lambda change: change["bits"]) for pick in (max, min))
    return {"largest_rise": rise if rise["bits"] > 0 else None, "largest_fall": fall if fall["bits"] < 0 else None}


def _passages(
    document: ModelDocument, questions: Sequence[Passage], full: Floats, sample: Floats, shown: Reporting
) -> list[dict[str, Any]]:
    picks = np.array([question.picks for question in questions])
    means = full @ picks.T
    drawn = np.stack([_given(picks, fits, joint) for fits, joint in zip(shown.fits, sample, strict=True)], axis=1)
    weights = shown.fits[-1] @ sample[-1]
    return [
        {
            "question": question.text,
            "kind": question.kind,
            "subject": question.subject,
            "direction": question.direction,
            "level": question.level,
            "mean": _first_year(document, question, means[:, index]),
            "draws": _spread(document, question.holds(drawn[index]), weights),
            "path": means[:, index].tolist(),
        }
        for index, question in enumerate(questions)
    ]


def _given(picks: Floats, fits: Floats, joint: Floats) -> Floats:
    """Probabilities [questions, draws] of one year given what is observed by then; joint [S, draws]."""
    weight = fits @ joint
    return np.asarray((picks * fits) @ joint / np.maximum(weight, np.finfo(weight.dtype).tiny))


def _first_year(document: ModelDocument, question: Passage, path: Floats) -> dict[str, Any]:
    reached = np.flatnonzero(question.holds(path))
    if not reached.size:
        return {"year": None, "probability": None}
    return {"year": document.years[int(reached[0])], "probability": float(path[reached[0]])}


def _spread(document: ModelDocument, holds: NDArray[np.bool_], weights: Floats) -> dict[str, Any]:
    """Quantiles (the first year by which that share of the draws has passed) of the first year; holds [T, draws]."""
    passed = np.maximum.accumulate(holds, axis=0) @ weights / weights.sum()
    found: dict[str, Any] = {"never": float(np.clip(1 - passed[-1], 0, 1))}
    for name in SHORT:
        reached = np.flatnonzero(passed >= QUANTILES[name])
        found[name] = document.years[int(reached[0])] if reached.size else None
    return found
