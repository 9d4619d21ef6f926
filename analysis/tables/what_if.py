"""A what-if for people: a table of the answer beside the model's own, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.engine.spec import ModelDocument
from analysis.tables.csv_rows import csv_text
from analysis.terminal import table
from analysis.wording import percent

COLUMNS = ("kind", "name", "before", "after", "change")
KINDS = {"scenario": "scenarios", "hypothesis": "hypotheses", "cluster": "clusters"}
SCENARIOS = 10
"""The most likely ones are shown, before or after."""

Answer = Mapping[str, Any]


def to_csv(answer: Answer) -> str:
    """Every scenario, hypothesis, cluster and the entropy at the target year."""
    return csv_text(COLUMNS, _rows(answer))


def _rows(answer: Answer) -> Iterator[Sequence[Any]]:
    for kind, part in KINDS.items():
        for name, before in answer["base"][part].items():
            change = answer["change"][part][name]
            yield kind, name, before, before + change, change
    before, change = answer["base"]["entropy_bits"], answer["change"]["entropy_bits"]
    yield "entropy_bits", "", before, before + change, change


def summary(document: ModelDocument, answer: Answer) -> str:
    """What a terminal shows: hypotheses, clusters and top scenarios before and after, entropy, and how long it took."""
    scenarios, changes = answer["base"]["scenarios"], answer["change"]["scenarios"]
    top = sorted(scenarios, key=lambda code: -max(scenarios[code], scenarios[code] + changes[code]))[:SCENARIOS]
    labels = {hypothesis.code: f"{hypothesis.code} {hypothesis.label}".strip() for hypothesis in document.hypotheses}
    return "\n\n".join(
        [
            f"Hypotheses in {answer['metadata']['target_year']}, probability of A",
            table(_table_rows(answer, "hypotheses", labels.items())),
            "Clusters",
            table(_table_rows(answer, "clusters", ((name, name) for name in answer["base"]["clusters"]))),
            "Scenarios that are most likely before or after",
            table(_table_rows(answer, "scenarios", ((code, code) for code in top))),
            _figures(answer),
        ]
    )


def _table_rows(answer: Answer, part: str, names: Iterable[tuple[str, str]]) -> Iterator[Sequence[str]]:
    """Rows of those names, with the labels they are shown by, that the run reports."""
    yield "", "model", "what if", "change in points"
    for name, label in names:
        if (before := answer["base"][part].get(name)) is not None:
            change = answer["change"][part][name]
            yield label, percent(before), percent(before + change), f"{round(100 * change, 2) + 0.0:+.2f}"


def _figures(answer: Answer) -> str:
    base, change, metadata = answer["base"], answer["change"], answer["metadata"]
    now = max(answer["scenario_probabilities"], key=answer["scenario_probabilities"].__getitem__)
    lead = f"{now} stays" if now == base["most_likely"] else f"{now} in place of {base['most_likely']} becomes"
    return (
        f"{lead} the most likely scenario; the entropy goes from {base['entropy_bits']:.3f} to "
        f"{base['entropy_bits'] + change['entropy_bits']:.3f} bits.\n"
        f"All years in {1000 * answer['computation_time']:.0f} ms, {metadata['iterations']:,} iterations, input "
        f"{metadata['input_hash'][:16]}, seed {metadata['seed']}, {metadata['sampler']}, {metadata['dtype']}, "
        f"engine {metadata['engine_version']}."
    )
