"""Names of what sensitivity studies vary and explain (engine.sensitivity), in the words of a run's own model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.plots.plot import UNIT
from analysis.wording import percent, points

_KINDS = {
    "posterior": "Evidence on",
    "midpoint": "Timing of",
    "prior": "Prior of",
}
_END = re.compile(r"(?P<source>.+)(?P<one>[AB])>(?P<target>.+)(?P<other>[AB])")


@dataclass(frozen=True)
class Output:
    """The number that a study explains."""

    name: str
    words: str
    """As the object of a sentence: `the probability of AGI achieved in 2050`."""

    @property
    def is_probability(self) -> bool:
        """Whether it is a probability, or else an entropy in bits."""
        return not self.name.startswith("entropy")

    @property
    def scale(self) -> float:
        """What values are multiplied by for an axis."""
        return 100.0 if self.is_probability else 1.0

    @property
    def suffix(self) -> str:
        """The unit of such an axis."""
        return UNIT if self.is_probability else " bits"

    @property
    def change_unit(self) -> str:
        """The unit of changes."""
        return "points" if self.is_probability else "bits"

    def value(self, number: float) -> str:
        """A value as people read it."""
        return percent(number) if self.is_probability else f"{number:.2f} bits"

    def difference(self, number: float) -> str:
        """A change as people read it."""
        return points(number) if self.is_probability else f"{number:+.2f} bits"

    def size(self, number: float) -> str:
        """A change as people read it, without its direction."""
        return self.difference(abs(number)).removeprefix("+")


class Subjects:
    """The words of one model document."""

    def __init__(self, document: Mapping[str, Any], titles: Mapping[str, str]) -> None:
        self.hypotheses = {row["code"]: row for row in document["hypotheses"]}
        self.titles = titles

    def label(self, code: str) -> str:
        """A hypothesis by its label, or its code where it has none."""
        row = self.hypotheses.get(code)
        return (row["label"] if row else "") or code

    def parameter(self, name: str) -> str:
        """An uncertain number: `Evidence on AI Progress`."""
        kind, _, subject = name.partition(":")
        if kind in _KINDS:
            return f"{_KINDS[kind]} {self.label(subject)}"
        if kind == "strength_multiplier":
            return "Strength of all influences"
        if kind == "quality_weight":
            return f"Weight of {subject} in quality"
        found = _END.fullmatch(subject)
        if kind == "influence" and found:
            source, target = (self.label(found[end]) for end in ("source", "target"))
            return f"{source} {found['one']} → {target} {found['other']}"
        return name

    def output(self, name: str) -> Output:
        """What a study is about, from the name that `Output.name` of the engine gives it."""
        what, _, year = name.rpartition("@")
        kind, _, subject = what.partition(":")
        match kind:
            case "hypothesis":
                row = self.hypotheses.get(subject, {})
                words = f"the probability of {row.get('outcome_a') or f'{subject} = A'}"
            case "scenario":
                words = f"the probability of {self.titles.get(subject) or f'the scenario {subject}'}"
            case "cluster":
                words = f"the probability of {subject}"
            case _:
                words = "how open the future is (the entropy of all scenarios)"
        return Output(name, f"{words} in {year}")

    def outputs(
        self, *, year: int, scenarios: Sequence[str], clusters: Sequence[str], hypotheses: Sequence[str]
    ) -> list[Output]:
        """What a study can be started about: the likeliest scenarios, families, hypotheses, and the entropy."""
        names = [
            *(f"scenario:{code}" for code in scenarios),
            *(f"cluster:{name}" for name in clusters),
            *(f"hypothesis:{code}" for code in hypotheses),
            "entropy",
        ]
        return [self.output(f"{name}@{year}") for name in names]
