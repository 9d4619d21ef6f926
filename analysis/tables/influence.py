"""Evidence influence for people: tables for the terminal, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.tables.csv_rows import csv_text
from analysis.terminal import printable, table
from analysis.wording import percent

COLUMNS = ("kind", "id", "changed", "without", "change", "half_width")
SHOWN = 10
LONGEST = 60
"""Characters of a title or source that a terminal shows."""

Report = Mapping[str, Any]


def to_csv(report: Report) -> str:
    """Every effect in long form: what is left out, what it changes, the value without it, the change, its error."""
    return csv_text(COLUMNS, _rows(report))


def _rows(report: Report) -> Iterator[Sequence[Any]]:
    for kind in ("item", "source", "group"):
        for entry in report[f"{kind}s"]:
            for name, found in ((report["output"], entry["output"]), *entry["hypotheses"].items()):
                yield kind, entry["id"], name, found["without"], found["change"], found["half_width"]


def summary(report: Report) -> str:
    """What a terminal shows: the strongest items and sources, and what each hypothesis hangs on."""
    parts = [f"{printable(report['output'])} is {report['base']['output']:.4f}. Left out one at a time:"]
    for kind in ("item", "source", "group"):
        if entries := report[f"{kind}s"]:
            parts += [f"{kind.capitalize()}s that count most", table(_entry_rows(entries[:SHOWN]), words_last=True)]
    parts += ["What each hypothesis hangs on", table(_dependence_rows(report), words_last=True), _figures(report)]
    return "\n\n".join(parts)


def _entry_rows(entries: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    for entry in entries:
        log_odds = ", ".join(f"{code} {change:+.2f}" for code, change in entry["log_odds"].items())
        yield printable(entry["id"], LONGEST), f"{entry['output']['change']:+.4f}", log_odds, "; ".join(entry["words"])


def _dependence_rows(report: Report) -> Iterator[Sequence[str]]:
    for code, found in report["hypotheses"].items():
        if found["source"] is None:
            yield code, percent(report["base"]["hypotheses"][code]), "", "no evidence"
            continue
        hangs = "hangs on" if found["hangs_on_one_source"] else "most moved by"
        turns = ", which decides its more likely side" if found["turns"] else ""
        yield code, percent(report["base"]["hypotheses"][code]), hangs, f"{printable(found['source'], LONGEST)}{turns}"


def _figures(report: Report) -> str:
    computed = sum(len(report[f"{kind}s"]) for kind in ("item", "source", "group"))
    left = len(report["left_out_already"])
    return (
        f"{computed:,} effects in {report['computation_time']:.2f} s; {left} item{'' if left == 1 else 's'} did not "
        "count to begin with. Log-odds in nats; a change is that of leaving out."
    )
