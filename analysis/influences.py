"""The causal network of a run in words: which outcome raises the odds of which, how much, and what feeds back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.engine.network import kept_influences
from analysis.engine.spec import HypothesisSpec, ModelDocument
from analysis.futures import outcome_words, question_words
from analysis.loops import loops


@dataclass(frozen=True)
class Link:
    """An influence: with the source's outcome the odds of the target's are `factor` times those without it."""

    key: str
    source: HypothesisSpec
    source_outcome: str
    target: HypothesisSpec
    target_outcome: str
    strength: float
    """In nats of log-odds, the network's multiplier included."""
    description: str
    kept: bool
    """Whether the run's causal model uses it."""
    feeds_back: bool
    """Whether it lies on a feedback loop."""

    @property
    def anchor(self) -> str:
        """The key as an id of a page's element."""
        return self.key.replace(">", "-")

    @property
    def cause(self) -> str:
        """The source's outcome as a phrase."""
        return outcome_words(self.source, self.source_outcome)

    @property
    def effect(self) -> str:
        """The target's outcome as a phrase."""
        return outcome_words(self.target, self.target_outcome)

    @property
    def factor(self) -> float:
        """By what the odds are multiplied."""
        return math.exp(self.strength)

    @property
    def words(self) -> str:
        """What it says, in one sentence."""
        return (
            f"With “{self.cause}” ({question_words(self.source)}) the odds of “{self.effect}” "
            f"({question_words(self.target)}) are {self.factor:.2f} times what they are without"
        )


@dataclass(frozen=True)
class Network:
    """The hypotheses in columns, causes to the left of what they cause, and the influences between them."""

    columns: list[list[HypothesisSpec]]
    links: list[Link]
    loops: list[list[HypothesisSpec]]
    """Ways on which a hypothesis comes back to itself, the shortest first."""

    @property
    def strongest(self) -> Link:
        """The strongest influence."""
        return max(self.links, key=lambda link: link.strength)


def network_of(document: ModelDocument) -> Network:
    """The network of a model."""
    group = _groups(document)
    rank = _ranks(document, group)
    by_code = {each.code: each for each in document.hypotheses}
    place = {code: index for index, code in enumerate(document.codes)}
    arrows = [(place[each.source], place[each.target]) for each in document.influences]
    multiplier = document.settings.causal_network.strength_multiplier
    return Network(
        columns=[
            [each for each in document.hypotheses if rank[group[each.code]] == column]
            for column in sorted({*rank.values()})
        ],
        links=[
            Link(
                key=each.key,
                source=by_code[each.source],
                source_outcome=each.source_outcome,
                target=by_code[each.target],
                target_outcome=each.target_outcome,
                strength=multiplier * each.strength,
                description=each.description,
                kept=kept,
                feeds_back=group[each.source] == group[each.target],
            )
            for each, kept in zip(document.influences, kept_influences(document), strict=True)
        ],
        loops=[[document.hypotheses[index] for index in loop] for loop in loops(arrows)],
    )


def _groups(document: ModelDocument) -> dict[str, int]:
    """Hypotheses that influence each other, directly or through others, have the same number."""
    codes = document.codes
    position = {code: index for index, code in enumerate(codes)}
    sources = np.array([position[each.source] for each in document.influences], dtype=int)
    targets = np.array([position[each.target] for each in document.influences], dtype=int)
    links = coo_array((np.ones(len(sources)), (sources, targets)), shape=(len(codes), len(codes)))
    labels = connected_components(links, connection="strong")[1]
    return {code: int(label) for code, label in zip(codes, labels, strict=True)}


def _ranks(document: ModelDocument, group: dict[str, int]) -> dict[int, int]:
    """For each group the length of the longest way that leads to it."""
    causes: dict[int, set[int]] = {each: set() for each in group.values()}
    for each in document.influences:
        if group[each.source] != group[each.target]:
            causes[group[each.target]].add(group[each.source])

    def rank(of: int) -> int:
        return max((1 + rank(cause) for cause in causes[of]), default=0)

    return {each: rank(each) for each in causes}


def links_within(links: Sequence[Link], letters: dict[str, str]) -> list[tuple[Link, bool]]:
    """The influences that act where hypotheses have these outcomes, the strongest first.

    Each with whether it raises the odds of what is there, rather than of its opposite.
    """
    acting = [link for link in links if link.kept and letters.get(link.source.code) == link.source_outcome]
    felt = sorted((link for link in acting if link.target.code in letters), key=lambda link: -link.strength)
    return [(link, letters[link.target.code] == link.target_outcome) for link in felt]
