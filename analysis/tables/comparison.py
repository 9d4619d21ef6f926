"""A comparison for people: tables for the terminal, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.tables.csv_rows import csv_text
from analysis.terminal import printable, table
from analysis.wording import percent

COLUMNS = ("kind", "name", "part", "before", "after", "difference", "half_width", "exceeds")
KINDS = {"scenario": "scenarios", "hypothesis": "hypotheses", "cluster": "clusters"}
SCENARIOS = 10
"""That moved most are shown."""
CHANGES = 20
"""Are shown one by one."""
PARTS = 3
"""Parts of a difference that are shown."""
LONGEST = 300
"""Characters of a change that are shown."""
NEGLIGIBLE = 5e-5
"""Parts below it are not shown."""

Comparison = Mapping[str, Any]


def to_csv(comparison: Comparison) -> str:
    """Every row in long form; under `part` what explains a part of the difference, empty for the whole."""
    return csv_text(COLUMNS, _rows(comparison))


def _rows(comparison: Comparison) -> Iterator[Sequence[Any]]:
    for kind, plural in KINDS.items():
        for name, row in comparison[plural].items():
            yield kind, name, "", *(row[column] for column in COLUMNS[3:])
    steps = comparison["attribution"]["steps"]
    for headline in comparison["attribution"]["headlines"]:
        for step, part in zip(steps, headline["parts"], strict=True):
            yield headline["kind"], headline["name"], step["text"], "", "", part["difference"], part["half_width"], ""


def summary(comparison: Comparison) -> str:
    """What a terminal shows: the changes, what differs, and what explains it."""
    scenarios = comparison["scenarios"]
    moved = sorted(scenarios, key=lambda code: -abs(scenarios[code]["difference"]))[:SCENARIOS]
    return "\n\n".join(
        [
            _heading(comparison),
            _changes(comparison["changes"]),
            "Hypotheses, probability of A (points; * more than chance)",
            table(_table_rows(comparison["hypotheses"].items()), words_last=True),
            "Clusters",
            table(_table_rows(comparison["clusters"].items()), words_last=True),
            "Scenarios that differ most",
            table(_table_rows((code, scenarios[code]) for code in moved), words_last=True),
            "What explains the differences, in points",
            table(_explained(comparison["attribution"]), words_last=True),
            _setting(comparison["attribution"]),
        ]
    )


def _heading(comparison: Comparison) -> str:
    return "\n".join(
        f"{when.capitalize()}: {printable(found['name']) or 'a model without a name'}, {found['target_year']}, "
        f"{found['iterations']:,} iterations, input {found['input_hash'][:16]}"
        for when, found in (("before", comparison["before"]), ("after", comparison["after"]))
    )


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    if not changes:
        return "Nothing that bears on the numbers has changed in the model or its run."
    left = len(changes) - CHANGES
    return "\n".join(
        [
            f"{len(changes)} change{'' if len(changes) == 1 else 's'} of the model and its run",
            *(f"  {printable(change['text'], LONGEST)}" for change in changes[:CHANGES]),
            *([f"  ... and {left} more"] if left > 0 else []),
        ]
    )


def _table_rows(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Sequence[str]]:
    for name, row in rows:
        ends = ("-" if row[when] is None else percent(row[when]) for when in ("before", "after"))
        if row["difference"] is None:
            yield name, *ends, "", "only in one of the models"
        else:
            error = f"± {100 * row['half_width']:.4f}{' *' if row['exceeds'] else ''}"
            yield name, *ends, _points(row["difference"]), error


def _explained(attribution: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Per headline its largest parts with what they come from."""
    steps = [step["text"] for step in attribution["steps"]]
    for headline in attribution["headlines"]:
        parts = zip((part["difference"] for part in headline["parts"]), steps, strict=True)
        largest = sorted(parts, key=lambda part: -abs(part[0]))[:PARTS]
        words = [f"{_points(part)} {printable(text, LONGEST)}" for part, text in largest if abs(part) >= NEGLIGIBLE]
        yield headline["name"], _points(headline["difference"]), "=", " | ".join(words) or "nothing worth mentioning"


def _setting(attribution: Mapping[str, Any]) -> str:
    setting = attribution["setting"]
    grouped = " There were so many changes that those of a kind were made together." if attribution["grouped"] else ""
    return (
        f"The changes were made one after another, in the order listed; each model on the way with "
        f"{setting['iterations']:,} iterations of the same points (seed {setting['seed']}, {setting['dtype']}). "
        f"What changes do only together goes to the later one.{grouped}"
    )


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"
