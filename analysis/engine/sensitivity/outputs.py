"""What a sensitivity question may be about (MODEL.md 7): a probability in a year, or the entropy of a year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..clusters import membership
from ..estimate import ImpossibleObservation, Reporting, letters, marginal, reporting
from ..faults import Fault, ModelError
from ..spec import ModelDocument

Floats = NDArray[np.float64]
Kind = Literal["scenario", "cluster", "hypothesis", "entropy"]

FORMS = "entropy, hypothesis:H1, scenario:ABBABB or cluster:NAME, each with @YEAR if not the target year"


@dataclass(frozen=True)
class Output:
    """One number per draw: P(a scenario), P(a cluster), P(outcome A of a hypothesis), or the joint's entropy in bits.

    `weights` [S] says which scenarios count towards a probability; an entropy has none. Probabilities are those given
    the run's observations, each draw by itself.
    """

    kind: Kind
    subject: str
    year: int
    weights: Floats | None
    shown: Reporting
    base_year: int

    @property
    def name(self) -> str:
        """The output in one word, as `parse_output` reads it."""
        return f"{self.kind}:{self.subject}@{self.year}" if self.subject else f"{self.kind}@{self.year}"

    def __call__(self, joint: Floats) -> Floats:
        """The output [D] under joints [S, D] of its year. Raises ImpossibleObservation."""
        fits = self.shown.fits[self.year - self.base_year]
        weight = fits @ joint
        if not np.all(weight > 0):
            raise ImpossibleObservation(
                f"the observations have probability 0 in {self.year}; nothing can be said given them"
            )
        if self.weights is not None:
            return np.asarray((self.weights * fits) @ joint / weight)
        states = marginal((joint * fits[:, None] / weight).T, self.shown)
        terms = states * np.log2(states, where=states > 0, out=np.zeros_like(states))
        return np.asarray(-terms.sum(axis=-1) + 0.0)  # no negative zero


def parse_output(document: ModelDocument, text: str | None, path: str = "output") -> Output:
    """The output that `text` names, by default the entropy of the target year. Raises ModelError."""
    text = text or "entropy"
    dated = re.fullmatch(r"(.*)@(\d{4})", text)
    named, when = dated.groups() if dated else (text, "")
    kind, _, subject = named.partition(":")
    shown = reporting(document)
    return Output(
        kind=kind,  # type: ignore[arg-type]  # `_weights` refuses any other
        subject=subject,
        weights=_weights(document, shown, kind, subject, path),
        year=_year(document, when, path),
        shown=shown,
        base_year=document.base_year,
    )


def _year(document: ModelDocument, text: str, path: str) -> int:
    if not text:
        return document.target_year
    if int(text) not in document.years:
        raise ModelError([Fault(path, f"the year must lie in {document.base_year} to {document.end_year}, not {text}")])
    return int(text)


def _weights(document: ModelDocument, shown: Reporting, kind: str, subject: str, path: str) -> Floats | None:
    known: tuple[str, ...]
    if kind == "entropy" and not subject:
        return None
    if kind == "scenario":
        known = tuple(shown.codes)
        counted = shown.state == (known.index(subject) if subject in known else -1)
    elif kind == "hypothesis":
        known = shown.hypotheses
        column = document.codes.index(subject) if subject in known else 0
        counted = letters(len(document.codes))[:, column] == 0
    elif kind == "cluster":
        known = tuple(cluster.name for cluster in document.clusters)
        counted = membership(document) == (known.index(subject) if subject in known else -1)
    else:
        raise ModelError([Fault(path, f"unknown output {kind!r}; an output is {FORMS}")])
    if subject not in known:
        some = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise ModelError([Fault(path, f"unknown {kind} {subject!r}; known are {some}")])
    return np.asarray(counted, dtype=float)
