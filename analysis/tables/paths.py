"""A model's way through its years for people: tables for the terminal, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.engine.result import SHORT
from analysis.tables.csv_rows import csv_text
from analysis.terminal import table
from analysis.wording import percent

COLUMNS = ("measure", "subject", "year", "value")

Report = Mapping[str, Any]


def to_csv(report: Report) -> str:
    """Everything in long form: per year the entropy, the lead and what was asked for; first years; years of new leads.

    `first_year` and its quantiles have the year under `year`, empty where there is none by the end year.
    """
    return csv_text(COLUMNS, _rows(report))


def _rows(report: Report) -> Iterator[Sequence[Any]]:
    for entry in report["years"]:
        yield "entropy_bits", "", entry["year"], entry["entropy_bits"]
        yield "most_likely", entry["most_likely"], entry["year"], entry["probability"]
    for passage in report["passages"]:
        question = passage["question"]
        for entry, mean in zip(report["years"], passage["path"], strict=True):
            yield "mean", question, entry["year"], mean
        yield "first_year", question, passage["mean"]["year"], passage["mean"]["probability"]
        for name in SHORT:
            yield f"first_year_{name}", question, passage["draws"][name], ""
        yield "never", question, "", passage["draws"]["never"]
    for change in report["leading"]:
        yield "new_lead", change["to"], change["year"], change["probability"]


def summary(report: Report) -> str:
    """What a terminal shows: first years with their intervals, leads, and the entropy's course."""
    last = report["years"][-1]["year"]
    parts = []
    if report["passages"]:
        parts += [
            "First year of reaching a level: of the mean; median and 90 % interval over the draws; never by the end",
            table([("", "mean", "median", "90 % interval", "never"), *_passage_rows(report["passages"], last)]),
        ]
    parts += [
        "Most likely scenario",
        table(_lead_rows(report), words_last=True),
        "Entropy",
        table(_entropy_rows(report), words_last=True),
        _figures(report),
    ]
    return "\n\n".join(parts)


def _passage_rows(passages: Sequence[Mapping[str, Any]], last: int) -> Iterator[Sequence[str]]:
    for passage in passages:
        sign = ">=" if passage["direction"] == "above" else "<="
        low, median, high = (_year(passage["draws"][name], last) for name in SHORT)
        yield (
            f"{passage['subject']} {sign} {percent(passage['level'])}",
            _year(passage["mean"]["year"], last),
            median,
            f"{low} to {high}",
            percent(passage["draws"]["never"]),
        )


def _year(year: int | None, last: int) -> str:
    return f"after {last}" if year is None else str(year)


def _lead_rows(report: Report) -> Iterator[Sequence[str]]:
    first = report["years"][0]
    yield str(first["year"]), first["most_likely"], percent(first["probability"]), "at the beginning"
    for change in report["leading"]:
        yield str(change["year"]), change["to"], percent(change["probability"]), f"in place of {change['from']}"


def _entropy_rows(report: Report) -> Iterator[Sequence[str]]:
    for entry, when in ((report["years"][0], "at the beginning"), (report["years"][-1], "at the end")):
        yield str(entry["year"]), f"{entry['entropy_bits']:.3f} bits", "", when
    for name, change in report["entropy"].items():
        if change is not None:
            yield str(change["year"]), f"{change['bits']:+.3f} bits", "", f"{name.replace('_', ' ')} in a year"


def _figures(report: Report) -> str:
    found = report["metadata"]
    return (
        f"Means of {found['iterations']:,} iterations, intervals from {found['draws']:,} draws; input "
        f"{found['input_hash'][:16]}, seed {found['seed']}, {found['sampler']}, engine {found['engine_version']}."
    )
