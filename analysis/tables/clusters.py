"""Groups of scenarios for people: a document of its own, tables for the terminal, rows for a CSV file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.engine.faults import faults_of
from analysis.engine.result_file import ResultError
from analysis.tables.csv_rows import csv_text
from analysis.terminal import table
from analysis.wording import percent

SCHEMA = "aifutures.clusters/1"
COLUMNS = ("leaf", "scenario", "group", "group_probability", "cluster")
WIDTH = 100

Report = Mapping[str, Any]


Scenario = Annotated[str, Field(pattern=r"^[AB]+$")]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Named(_Read):
    name: str
    scenarios: tuple[Scenario, ...]


class _Group(_Read):
    probability: float
    scenarios: tuple[Scenario, ...]


class _Agreement(_Read):
    scenarios: float
    futures: float


class _Tree(_Read):
    leaves: tuple[Scenario, ...]
    groups: tuple[_Group, ...]
    hypothesis_weights: Annotated[dict[str, float], Field(min_length=1)]
    cophenetic_correlation: float
    agreement: _Agreement


class _Clusters(_Read):
    named: tuple[_Named, ...]
    dendrogram: _Tree


class _Metadata(_Read):
    target_year: int


class _Head(_Read):
    """What is shown of a result document."""

    clusters: _Clusters
    metadata: _Metadata


def report(result: Mapping[str, Any]) -> dict[str, Any]:
    """The clusters of a result (MODEL.md 6): `named`, `dendrogram`, and the `metadata` of the result.

    Raises ResultError where something of it lacks, as the agreement does in results of older engines.
    """
    try:
        found = _Head.model_validate(result).clusters
    except ValidationError as error:
        raise ResultError(f"its clusters cannot be shown: {next(faults_of(error))}; run the model again") from None
    leaves = set(found.dendrogram.leaves)
    for where, parts in (("named", found.named), ("dendrogram.groups", found.dendrogram.groups)):
        if {code for part in parts for code in part.scenarios} != leaves:
            raise ResultError(f"clusters.{where}: other scenarios than those of the dendrogram; run the model again")
    return {"schema": SCHEMA, **result["clusters"], "metadata": result["metadata"]}


def to_csv(found: Report) -> str:
    """The scenarios from left to right in the tree, with their group and named cluster."""
    return csv_text(COLUMNS, _rows(found))


def _rows(found: Report) -> Iterator[Sequence[Any]]:
    group, cluster = _by_scenario(found["dendrogram"]["groups"]), _by_scenario(found["named"])
    for leaf, code in enumerate(found["dendrogram"]["leaves"], start=1):
        index = group[code]
        chance = found["dendrogram"]["groups"][index]["probability"]
        yield leaf, code, index + 1, chance, found["named"][cluster[code]]["name"]


def summary(found: Report) -> str:
    """What a terminal shows: groups, what they have of the named clusters, fit, agreement and the leaves."""
    tree = found["dendrogram"]
    weights = tree["hypothesis_weights"]
    return "\n\n".join(
        [
            f"Groups by distance in {found['metadata']['target_year']}",
            table(_group_rows(found), words_last=True),
            "Hypotheses by their part in the distance",
            table((code, percent(weights[code])) for code in sorted(weights, key=lambda code: -weights[code])),
            "Leaves from left to right",
            textwrap.fill(" ".join(tree["leaves"]), WIDTH, initial_indent="  ", subsequent_indent="  "),
            f"Cophenetic correlation {tree['cophenetic_correlation']:.3f}: how well the tree keeps the distances.\n"
            f"Agreement with the named clusters (adjusted Rand index, 1 alike, 0 as by chance): "
            f"{tree['agreement']['scenarios']:+.3f} over scenarios, {tree['agreement']['futures']:+.3f} over futures "
            "by their probability.",
        ]
    )


def _group_rows(found: Report) -> Iterator[Sequence[str]]:
    cluster = _by_scenario(found["named"])
    yield "", "probability", "scenarios", "of which in named clusters"
    for index, group in enumerate(found["dendrogram"]["groups"], start=1):
        inside = [cluster[code] for code in group["scenarios"]]
        parts = [f"{inside.count(k)} {named['name']}" for k, named in enumerate(found["named"]) if k in inside]
        pattern = "".join(
            letters[0] if len(set(letters)) == 1 else "*" for letters in zip(*group["scenarios"], strict=True)
        )
        yield f"{index} {pattern}", percent(group["probability"]), str(len(group["scenarios"])), ", ".join(parts)


def _by_scenario(groups: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {code: index for index, group in enumerate(groups) for code in group["scenarios"]}
