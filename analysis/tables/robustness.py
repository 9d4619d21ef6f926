"""A robustness report for people: tables for the terminal, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.tables.csv_rows import csv_text
from analysis.terminal import printable, table
from analysis.wording import percent

COLUMNS = ("variant", "dimension", "headline_kind", "headline", "probability", "change")
BASE = "base"
NAMED_EXCEPTIONS = 3
"""Variants that are named where a conclusion does not hold."""
LONGEST = 60
"""Characters of a variant's title that a terminal shows."""

Report = Mapping[str, Any]


def to_csv(report: Report) -> str:
    """The report in long form: one row per variant and headline, the base first.

    Probabilities and changes from the base are full floats; both are empty for a variant that could not be run.
    """
    return csv_text(COLUMNS, _rows(report))


def _rows(report: Report) -> Iterator[Sequence[Any]]:
    headlines = report["headlines"]
    for headline in headlines:
        yield BASE, "", headline["kind"], headline["name"], headline["base"], 0.0
    for variant in report["variants"]:
        found = variant["headlines"] or [None] * len(headlines)
        for headline, value in zip(headlines, found, strict=True):
            change = None if value is None else value - headline["base"]
            yield variant["key"], variant["dimension"], headline["kind"], headline["name"], value, change


def summary(report: Report) -> str:
    """What a terminal shows: how far headlines move and by what, conclusions, extremes, history."""
    conclusions, year = report["conclusions"], report["metadata"]["target_year"]
    titles = {variant["key"]: printable(variant["title"], LONGEST) for variant in report["variants"]}
    parts = [
        f"Headlines of {year} over {conclusions['variants']} variants (moves in points; extreme variants apart)",
        table(_headline_rows(report, titles), words_last=True),
        "Largest move by dimension (points)",
        table(_dimension_rows(report)),
        *_conclusion_parts(conclusions, titles),
        f"P(A) in {year} under extreme assumptions",
        table(_extreme_rows(report), words_last=True),
        *_historical_parts(report["historical"]),
        *_not_run(report),
        _figures(report),
    ]
    return "\n\n".join(parts)


def _points(change: float) -> str:
    return f"{100 * change + 0.0:+.1f}"


def _headline_rows(report: Report, titles: Mapping[str, str]) -> Iterator[Sequence[str]]:
    yield "", "base", "lowest", "highest", "largest move", "made by"
    for headline in report["headlines"]:
        moves = headline["moves"]["overall"]
        yield (
            headline["name"],
            *(percent(value) for value in (headline["base"], moves["lowest"], moves["highest"])),
            _points(moves["largest_move"]),
            titles.get(moves["variant"], "nothing"),
        )


def _dimension_rows(report: Report) -> Iterator[Sequence[str]]:
    yield "", *report["dimensions"]
    for headline in report["headlines"]:
        moves = headline["moves"]
        yield headline["name"], *(_points(moves[key]["largest_move"]) for key in report["dimensions"])


def _conclusion_parts(conclusions: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[str]:
    total = conclusions["variants"]
    yield f"Conclusions that hold in the base and all {total} variants"
    yield _listed(_held(each, conclusions) for each in conclusions["hold_in_all"])
    yield f"Conclusions that hold in none of the {total} variants, nor in the base"
    yield _listed(each["text"] for each in conclusions["hold_in_none"])
    yield "Conclusions that depend on the variant"
    yield _listed(
        f"{each['text']}: {'' if each['in_base'] else 'not '}in the base, in {each['holds']} of {total}; "
        f"otherwise with {_named(each['exceptions'], titles)}"
        for each in conclusions["depend"]
    )


def _held(conclusion: Mapping[str, Any], conclusions: Mapping[str, Any]) -> str:
    extremes = conclusions["extreme_variants"]
    return (
        f"{conclusion['text']} (and in {extremes - len(conclusion['extreme_exceptions'])} of {extremes} extreme ones)"
    )


def _named(keys: Sequence[str], titles: Mapping[str, str]) -> str:
    more = len(keys) - NAMED_EXCEPTIONS
    return "; ".join([titles[key] for key in keys[:NAMED_EXCEPTIONS]] + ([f"{more} more"] if more > 0 else []))


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"  {printable(line)}" for line in lines) or "  none"


def _extreme_rows(report: Report) -> Iterator[Sequence[str]]:
    shown = [at for at, headline in enumerate(report["headlines"]) if headline["kind"] == "hypothesis"]
    yield "", *(report["headlines"][at]["name"] for at in shown), "most likely cluster"
    for variant in report["variants"]:
        if variant["dimension"] == "extreme" and variant["headlines"] is not None:
            values = (percent(variant["headlines"][at]) for at in shown)
            yield variant["title"], *values, variant["most_likely"]["cluster"]


def _historical_parts(historical: Mapping[str, Any]) -> Iterator[str]:
    yield "What earlier evidence foresaw: P(A) without evidence, with the early part, with all of it"
    if not historical["cuts"]:
        yield "  No end of a year has enough of the evidence on either side of it."
    for cut in historical["cuts"]:
        yield f"Published by {cut['date']} (less than {_points(historical['moved'])[1:]} points is hardly moved)"
        yield table(
            (
                (
                    code,
                    *(percent(found[name]) for name in ("prior", "early", "full")),
                    historical["verdicts"][found["verdict"]],
                )
                for code, found in cut["hypotheses"].items()
            ),
            words_last=True,
        )


def _not_run(report: Report) -> Iterator[str]:
    refused = [
        f"{printable(each['title'], LONGEST)}: {each['reason']}"
        for each in report["variants"]
        if each["status"] == "not_run"
    ]
    if refused:
        yield "Variants that could not be run"
        yield _listed(refused)


def _figures(report: Report) -> str:
    metadata = report["metadata"]
    width = max(headline["half_width"] for headline in report["headlines"])
    return (
        f"{len(report['variants'])} variants of {metadata['iterations']:,} iterations in "
        f"{report['computation_time']:.1f} s; the base's largest 95 % half-width is {width:.1e}.\n"
        f"Input {metadata['input_hash'][:16]}, seed {metadata['seed']}, {metadata['sampler']}, "
        f"{metadata['dtype']}, engine {metadata['engine_version']}: the same input gives the same numbers."
    )
