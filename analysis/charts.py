"""Figures of a run for print and files (Matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis.constants import NO_COLOUR
from analysis.engine.clusters import fits
from analysis.wording import percent, percent_range, shortened

LIKELIEST = 12
INK, MUTED, LINE = "#1B1B1A", "#5F5F5A", "#DEDED9"
AS_WRITTEN: dict[str, Any] = {"parse_math": False}
"""For texts from the data, where a dollar sign is no formula."""


def overview_figure(
    document: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    titles: Mapping[str, str],
    colours: Mapping[str, str],
    dpi: int,
) -> Figure:
    """The scenario ranking beside the clusters over time.

    `document` and `result` are a model of all its hypotheses and its result as plain JSON; `titles` names scenarios by
    code, `colours` clusters by name.
    """
    layout = ConstrainedLayoutEngine(rect=(0.01, 0.04, 0.98, 0.86))
    figure = Figure(figsize=(13, 6.6), dpi=dpi, facecolor="white", layout=layout)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _ranking(left, document, result, titles, colours)
    _timeline(right, result, colours)
    finding = _finding(result, titles)
    figure.text(0.012, 0.965, finding, fontsize=15, weight="bold", color=INK, va="center", **AS_WRITTEN)
    figure.text(0.012, 0.918, _subtitle(result), fontsize=10, color=MUTED, va="center")
    figure.text(0.012, 0.018, _source(document, result), fontsize=8, color=MUTED, va="center", **AS_WRITTEN)
    return figure


def overview_write(path: Path, *args: Any, **options: Any) -> None:
    """`overview_figure` as a PNG file."""
    overview_figure(*args, **options).savefig(path, format="png")


def _finding(result: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    year, found = result["metadata"]["target_year"], result["scenario_probabilities"]
    code = max(found, key=found.__getitem__)
    interval = result["scenario_intervals"][code]
    name = f"{titles[code]} ({code})" if code in titles else code
    return (
        f"Most likely in {year}: {name}, {percent(found[code])}, "
        f"90 % interval {percent_range(interval['q05'], interval['q95'])}"
    )


def _subtitle(result: Mapping[str, Any]) -> str:
    year, count = result["metadata"]["target_year"], len(result["scenario_probabilities"])
    return (
        f"Left: the {min(LIKELIEST, count)} likeliest of {count} scenarios in {year}, mean and 90 % interval, "
        "coloured by cluster. Right: probability of each cluster by year."
    )


def _source(document: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    metadata = result["metadata"]
    return (
        f"AI Futures, {document['name']}; evidence as of {metadata['as_of']}; {metadata['iterations']:,} iterations, "
        f"seed {metadata['seed']}, engine {metadata['engine_version']}, input {metadata['input_hash'][:12]}."
    )


def _ranking(
    axes: Axes,
    document: Mapping[str, Any],
    result: Mapping[str, Any],
    titles: Mapping[str, str],
    colours: Mapping[str, str],
) -> None:
    found, intervals = result["scenario_probabilities"], result["scenario_intervals"]
    codes = sorted(found, key=lambda code: -found[code])[:LIKELIEST]
    for row, code in enumerate(codes):
        cluster = next(each["name"] for each in document["clusters"] if fits(each["pattern"], code))
        colour = colours.get(cluster, NO_COLOUR)
        interval = intervals[code]
        axes.plot([100 * interval["q05"], 100 * interval["q95"]], [row, row], color=colour, linewidth=2, alpha=0.55)
        axes.plot(100 * found[code], row, "o", color=colour, markersize=8)
    names = [shortened(titles.get(code, ""), 44) for code in codes]
    labels = [f"{name}   {code}" for name, code in zip(names, codes, strict=True)]
    axes.set_yticks(range(len(codes)), labels, color=INK, **AS_WRITTEN)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("Probability, %", color=MUTED)
    axes.grid(axis="x", color=LINE)
    _plain(axes)


def _timeline(axes: Axes, result: Mapping[str, Any], colours: Mapping[str, str]) -> None:
    evolution = result["temporal_evolution"]
    years = [entry["year"] for entry in evolution]
    names = list(evolution[0]["clusters"])
    shares = [[100 * entry["clusters"][name] for entry in evolution] for name in names]
    axes.stackplot(
        years, *shares, colors=[colours.get(name, NO_COLOUR) for name in names], alpha=0.85, edgecolor="white"
    )
    middle = len(years) * 3 // 5
    below = 0.0
    for name, share in zip(names, shares, strict=True):
        if share[middle] >= 5:  # a label needs room
            height = below + share[middle] / 2
            style = {"color": "white", "weight": "bold", "ha": "center", "va": "center", **AS_WRITTEN}
            axes.text(years[middle], height, name, **style)
        below += share[middle]
    _label_ends(axes, years[-1], [share[-1] for share in shares])
    axes.set_xlim(years[0], years[-1])
    axes.set_ylim(0, 100)
    axes.set_yticks(range(20, 101, 20))
    axes.set_ylabel("Probability, %", color=MUTED)
    _plain(axes)


def _label_ends(axes: Axes, year: int, shares: list[float]) -> None:
    below = 0.0
    for share in shares:
        axes.text(year + 0.4, below + share / 2, f"{share:.0f} %", color=INK, va="center")
        below += share


def _plain(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
