"""A comparison of two runs (`aifutures.comparison/1`) in the words and rows of the page that shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from analysis.wording import error, percent, points

KINDS = {"hypothesis": "hypotheses", "cluster": "clusters", "scenario": "scenarios"}
FACTS = {
    "target_year": "Target year",
    "iterations": "Iterations",
    "seed": "Seed",
    "sampler": "Sampler",
    "dtype": "Arithmetic",
    "engine_version": "Engine version",
}
"""Of a run: what every reader of results may know of its inputs."""
_TOLD_AS_FACTS = {*(f"run.{name}" for name in FACTS), "engine_version"}
ABSENT = "not in it"
CHANCE = "Monte Carlo settings and chance"
SPELT_OUT = 2
"""Changes of one step that are told one by one."""
SMALL = 0.0005
"""A half-width that is told as less than 0.05 points."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A probability in both runs, with the joint 95 % half-width of the difference; None where one does not have it."""

    kind: str
    name: str
    words: str
    before: float | None
    after: float | None
    difference: float | None
    half_width: float | None
    exceeds: bool

    @property
    def size(self) -> float:
        """How large the difference is, 0 where there is none to tell."""
        return abs(self.difference or 0.0)

    @property
    def key(self) -> str:
        """What an address calls it."""
        return f"{self.kind}:{self.name}"


class Part(NamedTuple):
    """What one step of the way from the first model to the second explains, with its 95 % half-width."""

    text: str
    difference: float
    half_width: float

    @property
    def exceeds(self) -> bool:
        """Whether it is more than chance."""
        return abs(self.difference) > self.half_width


@dataclass(frozen=True)
class Explained:
    """A difference and its parts in the order in which the changes were made; the parts sum to the whole."""

    about: Difference
    parts: Sequence[Part]

    @property
    def largest(self) -> Part:
        """The part that explains most."""
        return max(self.parts, key=lambda part: abs(part.difference))


class Input(NamedTuple):
    """An input that differs, in words."""

    what: str
    before: str
    after: str


def differences(comparison: Document, model: Document, titles: Mapping[str, str]) -> list[Difference]:
    """Every probability of either run: hypotheses (P(A)), clusters, scenarios. `titles` names scenarios by code."""
    outcomes = {row["code"]: row["outcome_a"] or f"{row['code']} = A" for row in model["hypotheses"]}
    words = {"hypothesis": outcomes, "cluster": {}, "scenario": titles}
    return [
        Difference(
            kind=kind,
            name=name,
            words=words[kind].get(name) or name,
            before=row["before"],
            after=row["after"],
            difference=row["difference"],
            half_width=row["half_width"],
            exceeds=bool(row["exceeds"]),
        )
        for kind, plural in KINDS.items()
        for name, row in comparison[plural].items()
    ]


def explained(
    comparison: Document, rows: Sequence[Difference], labels: Mapping[str, Document], titles: Mapping[str, str]
) -> list[Explained]:
    """The differences that the comparison attributes to changes, the largest first.

    `labels` are the hypotheses of model documents by code, `titles` those of items of evidence by id.
    """
    found = {(row.kind, row.name): row for row in rows}
    *changed, _ = comparison["attribution"]["steps"]
    steps = [*(_step(comparison["changes"], step, labels, titles) for step in changed), CHANCE]
    headlines = [
        Explained(
            found[headline["kind"], headline["name"]],
            [
                Part(text, part["difference"], part["half_width"])
                for text, part in zip(steps, headline["parts"], strict=True)
            ],
        )
        for headline in comparison["attribution"]["headlines"]
    ]
    return sorted(headlines, key=lambda each: -each.about.size)


def labels_of(*models: Document) -> dict[str, Document]:
    """The hypotheses of model documents, by code."""
    return {row["code"]: row for model in models for row in model["hypotheses"]}


def supposed_in(*models: Document) -> set[str]:
    """Keys of the hypotheses that one of the models sets or supposes to be seen: that they differ is no finding."""
    return {
        f"hypothesis:{each['hypothesis']}"
        for model in models
        for kind in ("interventions", "observations")
        for each in model["run"][kind]
    }


def most_telling(rows: Sequence[Difference], supposed: Collection[str]) -> Difference | None:
    """The largest difference beyond the error, of something that follows if there is one; None if the runs agree."""
    clear = [row for row in rows if row.exceeds]
    return max(clear, key=lambda row: (row.key not in supposed, row.size), default=None)


def told(
    rows: Sequence[Difference], before: str, after: str, *, supposed: Collection[str] = frozenset()
) -> tuple[str, str]:
    """A heading and a sentence: what differs most between the runs of these names, and how much differs at all.

    `supposed` as from `supposed_in`.
    """
    common = [row for row in rows if row.difference is not None]
    clear = [row for row in common if row.exceeds]
    most = most_telling(common, supposed)
    if most is None:
        return (
            f"“{after}” and “{before}” agree",
            f"None of {len(common)} probabilities differs by more than the joint 95 % error of the two computations.",
        )
    way = "likelier" if (most.difference or 0) > 0 else "less likely"
    size = points(most.size).removeprefix("+")
    size = "slightly" if size == "no change" else f"{size}"
    return (
        f"{_capital(most.words)}: {size} {way} in “{after}” than in “{before}”",
        f"{percent(most.after or 0)} against {percent(most.before or 0)}, with a joint 95 % error of "
        f"{_error(most.half_width or 0)}. {len(clear)} of {len(common)} probabilities differ by more than their "
        "error.",
    )


def inputs(
    comparison: Document, before: Document, after: Document, titles: Mapping[str, str], *, models: bool
) -> list[Input]:
    """What differs of the runs' settings and, with `models`, of their models (documents `before` and `after`).

    `titles` names items of evidence by id.
    """
    first, second = comparison["before"], comparison["after"]
    facts = [
        Input(label, _value(first[name]), _value(second[name]))
        for name, label in FACTS.items()
        if first[name] != second[name]
    ]
    if not models:
        return facts
    labels = labels_of(before, after)
    changes = (change for change in comparison["changes"] if change["path"] not in _TOLD_AS_FACTS)
    return [*(_input(change, labels, titles) for change in changes), *facts]


def _step(
    changes: Sequence[Document], step: Document, labels: Mapping[str, Document], titles: Mapping[str, str]
) -> str:
    """A step in words: its changes where they are few, else what the engine calls them."""
    if len(step["changes"]) > SPELT_OUT:
        return str(step["text"])
    made = (_input(changes[place], labels, titles) for place in step["changes"])
    return "; ".join(f"{each.what}: {each.before} → {each.after}" for each in made)


def _input(change: Document, labels: Mapping[str, Document], titles: Mapping[str, str]) -> Input:
    old, new, about = change["before"], change["after"], change["about"]
    name = change["path"].partition("[")[2].removesuffix("]")
    match change["kind"]:
        case "evidence":
            what = f"Evidence on {_label(labels, about)}: {titles.get(name) or name}"
            return Input(what, *_items(old, new, labels))
        case "influences" if name:
            return Input(f"Influence {name.replace('>', ' → ')}: strength", _or_absent(old), _or_absent(new))
        case "supposed":
            kind = "Made so" if "interventions" in change["path"] else "Learnt"
            return Input(f"{kind}: {_label(labels, about)}", _supposed(old, labels), _supposed(new, labels))
        case "clusters" if name:
            return Input(f"Pattern of the cluster {name}", _or_absent(old), _or_absent(new))
        case _:
            what = change["text"].partition(" from ")[0]
            what = f"{_label(labels, about)}: {what.removesuffix(f' of {about}').lower()}" if about else what
            return Input(what, _value(old), _value(new))


def _items(old: Document | None, new: Document | None, labels: Mapping[str, Document]) -> tuple[str, str]:
    """An item before and after: all that matters of it where one run does not have it, else what differs."""
    if old is None or new is None:
        return _speaks(old, labels), _speaks(new, labels)
    flat = [{**each, **each["quality_scores"]} for each in (old, new)]
    names = [name for name in flat[0] if name != "quality_scores" and flat[0][name] != flat[1][name]]
    before, after = (", ".join(f"{name.replace('_', ' ')} {_value(each[name])}" for name in names) for each in flat)
    return before, after


def _speaks(item: Document | None, labels: Mapping[str, Document]) -> str:
    if item is None:
        return ABSENT
    row = labels[item["hypothesis"]]
    outcome = row["outcome_a" if item["direction"] == "A" else "outcome_b"] or item["direction"]
    return f"speaks for “{outcome}”, strength {_value(item['strength'])}"


def _supposed(each: Document | None, labels: Mapping[str, Document]) -> str:
    if each is None:
        return "nothing"
    row = labels[each["hypothesis"]]
    outcome = row["outcome_a" if each["outcome"] == "A" else "outcome_b"] or each["outcome"]
    return f"{outcome}, from {each['from_year']} on"


def _label(labels: Mapping[str, Document], code: str) -> str:
    return labels[code]["label"] or code


def _or_absent(value: object) -> str:
    return ABSENT if value is None else _value(value)


def _value(value: object) -> str:
    """A JSON value as people read it."""
    match value:
        case bool() | None:
            return {None: "none", True: "on", False: "off"}[value]
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(map(_value, value)) or "none"
    return str(value)


def _error(half_width: float) -> str:
    return "less than 0.05 points" if half_width < SMALL else f"±{error(half_width)} points"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
