"""What changed between two model documents, item by item in words, and the models on the way from one to the other.

Only what can bear on numbers counts (as for `input_hash`): names, labels, titles and descriptions do not. The order is
fixed: priors and timing, how evidence is weighed, evidence, influences, the causal network, clusters, interventions
and observations, the target year, the Monte Carlo run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel

from .spec import Assignment, ClusterSpec, EvidenceItem, InfluenceSpec, ModelDocument, Settings

Kind = Literal[
    "hypotheses", "weighing", "evidence", "influences", "causal", "clusters", "supposed", "target_year", "monte_carlo"
]
_WITHOUT_NUMBERS = {"code", "label", "outcome_a", "outcome_b", "id", "title", "source_type"}
_SUPPOSED = {"interventions": "Intervention", "observations": "Observation"}
_LABELS = {
    "prior_probability": "Prior",
    "posterior_probability": "Posterior given",
    "midpoint_sd": "Standard deviation of the midpoint",
    "midpoint_year": "Midpoint",
    "log_bayes_factor_scale": "Scale of log Bayes factors",
    "model_discrepancy_sd": "Standard deviation of the model discrepancy",
    "model": "Causal model",
    "strength_cv": "Spread of influence strengths",
    "center_influences": "Centring of influences",
    "enable_feedback_loops": "Feedback loops",
    "dtype": "Precision",
    "quality_min": "Filter by quality",
    "sources": "Filter by source",
    "hypothesis": "Filter by hypothesis",
    "settings.causal_network.max_iterations": "Largest number of sweeps",
    "settings.monte_carlo.max_iterations": "Largest number of iterations",
}

P = TypeVar("P", bound=BaseModel)


class Change(NamedTuple):
    """One difference between two models.

    `path` as in documents, but with keys for list items (`hypotheses[H1].speed`, `influences[H2A>H4B]`); `about` is the
    code of the hypothesis concerned, or empty; `before` and `after` are JSON values, null for what is not there.
    """

    path: str
    kind: Kind
    about: str
    before: Any
    after: Any
    text: str


def model_changes(before: ModelDocument, after: ModelDocument) -> list[Change]:
    """Every difference that can bear on numbers, in the fixed order. The models must have the same hypotheses."""
    return [
        *_hypotheses(before, after),
        *_weighing(before, after),
        *_evidence(before, after),
        *_influences(before, after),
        *_fields("settings.causal_network", "causal", before.settings.causal_network, after.settings.causal_network),
        *_clusters(before.clusters, after.clusters),
        *_supposed(before, after),
        *_field("run.target_year", "target_year", before.target_year, after.target_year),
        *_fields("settings.monte_carlo", "monte_carlo", before.settings.monte_carlo, after.settings.monte_carlo),
        *(
            change
            for name in ("iterations", "seed", "sampler", "dtype", "stop_when_converged")
            for change in _field(f"run.{name}", "monte_carlo", getattr(before.run, name), getattr(after.run, name))
        ),
    ]


def _hypotheses(before: ModelDocument, after: ModelDocument) -> Iterator[Change]:
    for old, new in zip(before.hypotheses, after.hypotheses, strict=True):
        yield from _fields(f"hypotheses[{old.code}]", "hypotheses", old, new, old.code)


def _weighing(before: ModelDocument, after: ModelDocument) -> Iterator[Change]:
    yield from _field("as_of", "weighing", before.as_of, after.as_of)
    yield from _fields("settings.evidence", "weighing", before.settings.evidence, after.settings.evidence)
    yield from _fields("run.evidence_filter", "weighing", before.run.evidence_filter, after.run.evidence_filter)


def _fields(path: str, kind: Kind, before: P, after: P, about: str = "") -> Iterator[Change]:
    for name in type(before).model_fields:
        if name not in _WITHOUT_NUMBERS:
            yield from _field(f"{path}.{name}", kind, getattr(before, name), getattr(after, name), about)


def _field(path: str, kind: Kind, before: Any, after: Any, about: str = "") -> Iterator[Change]:
    if before != after:
        name = path.rpartition(".")[2]
        label = _LABELS.get(path) or _LABELS.get(name) or name.replace("_", " ").capitalize()
        text = f"{label}{' of ' * bool(about)}{about} {_from_to(before, after)}"
        yield Change(path, kind, about, _json(before), _json(after), text)


def _evidence(before: ModelDocument, after: ModelDocument) -> Iterator[Change]:
    found = []
    for item_id, old, new, item in _pairs(before.evidence, after.evidence, _item_key):
        if old is None or new is None:
            speaks = f"for {item.hypothesis} = {item.direction}, strength {_word(item.strength)}"
            text = f"Evidence {item_id!r} {_happened(old)} ({speaks})"
        elif words := [f"{name} {_from_to(*pair)}" for name, *pair in _item_fields(old, new)]:
            text = f"Evidence {item_id!r}: {', '.join(words)}"
        else:
            continue
        found.append(Change(f"evidence[{item_id}]", "evidence", item.hypothesis, _item(old), _item(new), text))
    return iter(sorted(found, key=lambda change: after.codes.index(change.about)))


def _item_fields(old: EvidenceItem, new: EvidenceItem) -> Iterator[tuple[str, Any, Any]]:
    """Name, value before and after of every field of an item that differs."""
    flat = [{**item.quality_scores.model_dump(), **dict(item)} for item in (old, new)]
    for name in flat[0]:
        if name not in _WITHOUT_NUMBERS | {"quality_scores"} and flat[0][name] != flat[1][name]:
            yield name.replace("_", " "), flat[0][name], flat[1][name]


def _item(item: EvidenceItem | None) -> Any:
    return item and item.model_dump(mode="json", exclude={"title", "source_type"})


def _influences(before: ModelDocument, after: ModelDocument) -> Iterator[Change]:
    for key, old, new, influence in _pairs(before.influences, after.influences, _influence_key):
        strengths = old and old.strength, new and new.strength
        if old is None or new is None:
            text = f"Influence {key} {_happened(old)} (strength {_word(influence.strength)})"
        else:
            text = f"Strength of {key} {_from_to(*strengths)}"
        if strengths[0] != strengths[1]:
            yield Change(f"influences[{key}]", "influences", influence.target, *strengths, text)
    yield from _order("influences", "influences", [i.key for i in before.influences], [i.key for i in after.influences])


def _clusters(before: Iterable[ClusterSpec], after: Iterable[ClusterSpec]) -> Iterator[Change]:
    before, after = tuple(before), tuple(after)
    for name, old, new, cluster in _pairs(before, after, lambda cluster: cluster.name):
        patterns = old and old.pattern, new and new.pattern
        if old is None or new is None:
            text = f"Cluster {name!r} {_happened(old)} (pattern {cluster.pattern})"
        else:
            text = f"Pattern of cluster {name!r} {_from_to(*patterns)}"
        if patterns[0] != patterns[1]:
            yield Change(f"clusters[{name}]", "clusters", "", *patterns, text)
    yield from _order("clusters", "clusters", [c.name for c in before], [c.name for c in after])


def _order(path: str, kind: Kind, before: list[str], after: list[str]) -> Iterator[Change]:
    """That what both models have stands in another order: ties and first fits go by it."""
    common = set(before) & set(after)
    old, new = ([key for key in keys if key in common] for keys in (before, after))
    if old != new:
        yield Change(path, kind, "", old, new, f"Order of the {path}")


def _supposed(before: ModelDocument, after: ModelDocument) -> Iterator[Change]:
    for name, word in _SUPPOSED.items():
        for code, old, new, either in _pairs(getattr(before.run, name), getattr(after.run, name), _supposed_key):
            if old != new:
                text = f"{word} {_words(either)} {_happened(old)}"
                if old and new:
                    text = f"{word} {_words(old)} became {_words(new)}"
                values = old and old.model_dump(mode="json"), new and new.model_dump(mode="json")
                yield Change(f"run.{name}[{code}]", "supposed", code, *values, text)


def _words(assignment: Assignment) -> str:
    return f"{assignment.hypothesis} = {assignment.outcome} from {assignment.from_year}"


def _item_key(item: EvidenceItem) -> str:
    return item.id


def _influence_key(influence: InfluenceSpec) -> str:
    return influence.key


def _supposed_key(assignment: Assignment) -> str:
    return assignment.hypothesis


def _pairs(
    before: Iterable[P], after: Iterable[P], key: Callable[[P], str]
) -> Iterator[tuple[str, P | None, P | None, P]]:
    """By key, first those before, then new ones: the part before, after, and whichever there is."""
    old, new = ({key(part): part for part in parts} for parts in (before, after))
    for name, latest in (old | new).items():
        yield name, old.get(name), new.get(name), latest


def _happened(old: object) -> str:
    return "added" if old is None else "removed"


def _from_to(before: Any, after: Any) -> str:
    return f"from {_word(before)} to {_word(after)}"


def _word(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case float():
            return f"{value:.12g}"
        case tuple():
            return ", ".join(map(repr, value)) or "none"
    return str(value)


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value


def blended(before: ModelDocument, after: ModelDocument, paths: Collection[str]) -> ModelDocument:
    """The model `before` with the changes made whose paths are given: all of them give the numbers of `after`.

    It is not checked anew; changes that need each other (the quality weights, the clusters, what is supposed of one
    hypothesis) must be made together.
    """

    def mixed(path: str, old: P, new: P) -> P:
        taken = {name: getattr(new, name) for name in type(old).model_fields if f"{path}.{name}" in paths}
        return old.model_copy(update=taken)

    def chosen(path: str, old: Iterable[P], new: Iterable[P], key: Callable[[P], str]) -> tuple[P, ...]:
        olds, news = ({key(part): part for part in parts} for parts in (old, new))
        ranked = _merged(news, olds) if path in paths else _merged(olds, news)
        sources = ((name, news if f"{path}[{name}]" in paths else olds) for name in ranked)
        return tuple(source[name] for name, source in sources if name in source)

    old, new = before.settings, after.settings
    run = mixed("run", before.run, after.run).model_copy(
        update={
            "evidence_filter": mixed("run.evidence_filter", before.run.evidence_filter, after.run.evidence_filter),
            **{
                name: chosen(f"run.{name}", getattr(before.run, name), getattr(after.run, name), _supposed_key)
                for name in _SUPPOSED
            },
        }
    )
    return before.model_copy(
        update={
            "as_of": after.as_of if "as_of" in paths else before.as_of,
            "hypotheses": tuple(
                mixed(f"hypotheses[{a.code}]", a, b) for a, b in zip(before.hypotheses, after.hypotheses, strict=True)
            ),
            "evidence": chosen("evidence", before.evidence, after.evidence, _item_key),
            "influences": chosen("influences", before.influences, after.influences, _influence_key),
            "clusters": after.clusters if any(path.startswith("clusters") for path in paths) else before.clusters,
            "settings": Settings(
                evidence=mixed("settings.evidence", old.evidence, new.evidence),
                monte_carlo=mixed("settings.monte_carlo", old.monte_carlo, new.monte_carlo),
                causal_network=mixed("settings.causal_network", old.causal_network, new.causal_network),
            ),
            "run": run,
        }
    )


def _merged(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    """All keys in the order of the first, each that only the second has after what precedes it there."""
    followers: dict[str | None, list[str]] = defaultdict(list)
    previous = None
    for key in second:
        if key in first:
            previous = key
        else:
            followers[previous].append(key)
    return [*followers[None], *(name for key in first for name in (key, *followers[key]))]
