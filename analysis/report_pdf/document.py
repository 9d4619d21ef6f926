"""The parts of a report, in their order, and the file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages

from analysis.futures import Futures
from analysis.models import AnalysisRun
from analysis.plots import Column, Plot, Table
from analysis.plots.clusters import clusters_over_time
from analysis.plots.convergence import convergence
from analysis.plots.dendrogram import named_clusters, tree
from analysis.plots.hypotheses import balances
from analysis.plots.plot import Value
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.plots.timeline import hypotheses_over_time
from analysis.report_pdf.drawing import draw
from analysis.report_pdf.sheets import BODY, MUTED, SMALL, TITLE, Sheets, Style
from analysis.report_pdf.words import LIMITS, METHOD, finding, question, summary
from analysis.reports import Report, run_report
from analysis.wording import percent, precision

HEIGHTS = {"small": 110.0, "medium": 180.0, "large": 240.0, "tall": 420.0}
"""Points of a study's figure by its size in pages."""
FEW = 16
"""Scenarios whose tree needs no more room than other figures."""
SETTINGS: dict[Any, Any] = {"pdf.fonttype": 42, "font.family": "DejaVu Sans", "text.parse_math": False}
"""Fonts as outlines with their letters: text can be selected, searched and read aloud."""


@dataclass(frozen=True)
class Extras:
    """What a report has besides the run itself, as far as its reader may see it."""

    plots: Sequence[Plot] = field(default_factory=tuple)
    """Of studies of the run's model."""
    evidence: Sequence[Mapping[str, Any]] | None = None
    """The items of the run's model document; None for who may not read them."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Where an item's source is, by the item's id."""


def report_pdf(run: AnalysisRun, extras: Extras) -> bytes:
    """The report of a run that succeeded. The same run with the same extras and titles gives the same bytes."""
    with mpl.rc_context(SETTINGS):
        report, sheets = run_report(run=run), Sheets(draw)
        _title(sheets, run, report)
        sheets.page_break()
        _figures(sheets, run, report, extras)
        _tables(sheets, run, report)
        _method(sheets)
        if extras.evidence is not None:
            _evidence(sheets, run, extras)
        sheets.feet(f"AI Futures · {run}")
        return _written(sheets, run, report)


def _written(sheets: Sheets, run: AnalysisRun, report: Report) -> bytes:
    facts = {
        "Title": f"{run} – AI Futures",
        "Author": run.owner.get_username() if run.owner else "AI Futures",
        "Subject": finding(report),
        "Keywords": f"AI, scenarios, foresight, input {run.input_hash}",
        "Creator": f"AI Futures {report.facts['engine_version']}",
        "CreationDate": run.finished_at,
    }
    file = io.BytesIO()
    with PdfPages(file, metadata=facts) as pages:
        for page in sheets.pages:
            pages.savefig(page)
    return file.getvalue()


def _title(sheets: Sheets, run: AnalysisRun, report: Report) -> None:
    facts = report.facts
    sheets.text("AI Futures · Report of a run", Style(10, "bold", MUTED), after=36)
    sheets.text(str(run), TITLE, after=6)
    sheets.text(question(run), Style(12, colour=MUTED), after=26)
    sheets.text(finding(report), Style(14, "bold"), after=14)
    for text in summary(report):
        sheets.item(text)
    sheets.space(22)
    when = run.finished_at
    sheets.facts(
        [
            ("Computed", f"{when.day} {when:%B %Y, %H:%M} UTC" if when else ""),
            ("Asked for by", run.owner.get_username() if run.owner else "the system itself"),
            ("Evidence as of", str(facts["as_of"])),
            ("Iterations", f"{facts['iterations']:,}, seed {facts['seed']}, {facts['sampler']}, {facts['dtype']}"),
            ("Engine", str(facts["engine_version"])),
            ("Hash of the inputs", run.input_hash),
            ("Run", str(run.pk)),
        ]
    )


def _figures(sheets: Sheets, run: AnalysisRun, report: Report, extras: Extras) -> None:
    result, source = run.result_document or {}, run_source(run)
    titles = {future.code: future.name for future in Futures.of(run=run).in_year(report.target_year)}
    first = report.likeliest
    sheets.heading("What the model finds")
    leads = ranking(
        report.scenarios,
        finding=f"{first.title or first.code} leads with {percent(first.estimate.mean)}",
        year=report.target_year,
        number=report.number,
        source=source,
    )
    sheets.plot(leads, 300)
    sheets.plot(clusters_over_time(report, source=source), 230)
    sheets.plot(named_clusters(report, source=source), 95)
    sheets.plot(balances(report, source=source), 190)
    sheets.plot(hypotheses_over_time(report, result["temporal_evolution"], source=source), 205)
    if len(titles) > 1:
        found = tree(report, result["clusters"], result["scenario_probabilities"], titles, source=source)
        sheets.plot(found, 430 if len(titles) > FEW else 240)
    sheets.plot(_precision(result["convergence"], source), 140)
    if extras.plots:
        sheets.heading("What the results hang on")
        for plot in extras.plots:
            sheets.plot(plot, HEIGHTS[plot.size])


def _precision(facts: Mapping[str, Any], source: str) -> Plot:
    points = {each["iterations"]: each["max_half_width"] for each in facts["trace"]}
    points[facts["iterations"]] = facts["max_half_width"]
    return convergence(
        list(points.items()),
        threshold=facts["threshold"],
        total=facts["iterations"],
        finding=f"Every mean probability is known within {precision(facts['max_half_width'])}",
        source=source,
    )


def _tables(sheets: Sheets, run: AnalysisRun, report: Report) -> None:
    year, interval = report.target_year, [Column("5 %", "percent"), Column("95 %", "percent")]
    sheets.page_break()
    sheets.heading(f"The questions in {year}")
    rows: list[list[Value]] = [
        [row.label or row.code, row.outcome_a, row.outcome_b, row.estimate.mean, row.estimate.low, row.estimate.high]
        for row in report.hypotheses
    ]
    names = [Column("Question"), Column("Outcome A"), Column("Outcome B"), Column("P(A)", "percent")]
    sheets.table(Table([*names, *interval], rows), (3, 3, 3, 1.1, 1.1, 1.1))
    sheets.heading(f"Families of scenarios in {year}")
    found: list[list[Value]] = [
        [row.name, row.scenarios, row.estimate.mean, row.estimate.low, row.estimate.high] for row in report.clusters
    ]
    columns = [Column("Family"), Column("Scenarios", "whole"), Column("Probability", "percent")]
    sheets.table(Table([*columns, *interval], found), (4, 1.4, 1.6, 1.2, 1.2))
    sheets.heading(f"All {report.number} scenarios in {year}")
    sheets.text(
        "Letters are the outcomes of the questions in the order above. Probabilities are means with 90 % intervals."
    )
    futures = Futures.of(run=run).in_year(year)
    every: list[list[Value]] = [
        [
            future.name,
            future.code,
            future.family.name if future.family else "",
            future.estimate.mean,
            future.estimate.low,
            future.estimate.high,
        ]
        for future in futures
    ]
    head = [Column("Scenario"), Column("Code"), Column("Family"), Column("Probability", "percent")]
    sheets.table(Table([*head, *interval], every), (4, 1.3, 2.8, 1.6, 1.2, 1.2))


def _method(sheets: Sheets) -> None:
    sheets.page_break()
    sheets.heading("The method in short")
    for text in METHOD:
        sheets.text(text, BODY)
    sheets.heading("What this method cannot tell")
    for text in LIMITS:
        sheets.item(text)


def _evidence(sheets: Sheets, run: AnalysisRun, extras: Extras) -> None:
    items = extras.evidence or ()
    labels = {row["code"]: row for row in run.model_document["hypotheses"]}
    sheets.page_break()
    sheets.heading(f"The evidence: {len(items)} item{'' if len(items) == 1 else 's'}")
    if not items:
        sheets.text("The model has no items of evidence: what the evidence says was given as probabilities.")
        return
    sheets.text("Titles in blue lead to their sources.", SMALL)
    rows = [
        [
            item.get("title") or item["id"],
            item["id"],
            labels[item["hypothesis"]]["label"] or item["hypothesis"],
            labels[item["hypothesis"]]["outcome_a" if item["direction"] == "A" else "outcome_b"] or item["direction"],
            str(item["publication_date"])[:4],
            item["strength"],
        ]
        for item in items
    ]
    columns = [
        Column("Finding"),
        Column("Id"),
        Column("Question"),
        Column("Speaks for"),
        Column("Year"),
        Column("Strength", "number"),
    ]
    urls = [extras.urls.get(item["id"], "") for item in items]
    sheets.table(Table(columns, rows), (4.2, 1.2, 2, 2.2, 0.8, 1.3), urls)
