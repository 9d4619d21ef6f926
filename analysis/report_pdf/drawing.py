"""A page's plot, given as Plotly reads it, drawn by Matplotlib: those kinds of traces and axes that plots use."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, MultipleLocator

from analysis.plots import Plot
from analysis.report_pdf.colours import colour
from analysis.report_pdf.sheets import ACCENT, HEIGHT, INK, LINE, MUTED, WIDTH, Box, width_of
from analysis.wording import shortened

PIXEL = 0.72
"""Points that a pixel of the page becomes."""
TICK = 7.5
DASHES = {
    "dash": (0, (5, 3)),
    "dot": (0, (1, 2)),
    "dashdot": (0, (5, 2, 1, 2)),
    "longdash": (0, (9, 3)),
    "longdashdot": (0, (9, 3, 1, 3)),
}
LEGEND = 12.0
"""Height of a line of a legend."""
TINY, DENSE = 5.2, 40
"""Size of the names of more rows than that."""
MARKERS = {"line-ns-open": "|", "diamond": "D"}
BESIDE: Mapping[str, dict[str, Any]] = {
    "middle right": {"xytext": (0, 0), "ha": "left", "va": "center"},
    "top left": {"xytext": (-3, 3), "ha": "right", "va": "bottom"},
}
"""Where words at a mark stand."""
WIDEST = 190.0
"""Names at the left of rows take no more."""

Given = Mapping[str, Any]


def draw(figure: Figure, plot: Plot, box: Box) -> None:
    """Draw the plot into a box of the page."""
    given = _plain(plot.figure)
    layout, data = given["layout"], given["data"]
    inner = _inside(given, box)
    axes: dict[tuple[str, str], Axes] = {}
    stacks: dict[int, list[float]] = {}
    for trace in data:
        pair = trace.get("xaxis", "x"), trace.get("yaxis", "y")
        if pair not in axes:
            axes[pair] = _axes(figure, layout, pair, inner)
        _trace(axes[pair], trace, layout, data, stacks)
    first = next(iter(axes.values()))
    for pair, each in axes.items():
        _finish(
            each,
            _axis(layout, pair[0]),
            _axis(layout, pair[1]),
            bare=each is not first and "overlaying" in str(layout.get(_name(pair[1]), {})),
        )
    for shape in layout.get("shapes", ()):
        _shape(first, shape)
    for note in layout.get("annotations", ()):
        _note(figure, first, note, inner)
    if layout.get("showlegend"):
        _legend(figure, data, box)


def _plain(given: Any) -> Any:
    """The figure with its words letter by letter, which are escaped for Plotly."""
    if isinstance(given, str):
        return html.unescape(given)
    if isinstance(given, Mapping):
        return {key: _plain(each) for key, each in given.items()}
    return [_plain(each) for each in given] if isinstance(given, list | tuple) else given


def _inside(figure: Given, box: Box) -> Box:
    """The box less what stands around the axes: names of rows, ticks, titles, a legend."""
    layout = figure["layout"]
    alone = [axis.get("side") for name, axis in layout.items() if name.startswith("yaxis")] == ["right"]
    left, right = 8.0 if alone else 30.0, 8.0
    top = 18.0 if any(note.get("yref") == "paper" for note in layout.get("annotations", ())) else 6.0
    bottom = 14.0
    for name, axis in layout.items():
        if name.startswith("yaxis") and axis.get("showticklabels", True):
            words = [str(text) for text in axis.get("ticktext", ())]
            wide = min(max((width_of(text, TICK) for text in words), default=0.0), WIDEST) + 8
            if axis.get("side") == "right":
                right = max(right, wide + 4)
            else:
                left = max(left, wide)
            if axis.get("title"):
                left += 12
            if axis.get("ticksuffix") == " points":
                left = max(left, 52.0)
        if name.startswith("xaxis") and axis.get("side") == "top":
            top = max(top, 16.0 + (12 if axis.get("title") else 0))
            bottom = 4.0
        elif name.startswith("xaxis") and axis.get("title"):
            bottom += 12
    notes = [note for note in layout.get("annotations", ()) if note.get("xref") == "paper" and note.get("x") == 1]
    right = max([right, *(width_of(note["text"], TICK) + 12 for note in notes)])
    if layout.get("showlegend"):
        bottom += 4 + LEGEND * len(_legend_lines(figure["data"], box.width))
    return Box(box.left + left, box.bottom + bottom, box.width - left - right, box.height - top - bottom)


def _name(key: str) -> str:
    return f"{key[0]}axis{key[1:]}"


def _axis(layout: Given, key: str) -> Given:
    found: Given = layout.get(_name(key), {})
    return found


def _axes(figure: Figure, layout: Given, pair: tuple[str, str], inner: Box) -> Axes:
    x, y = (_axis(layout, key).get("domain", (0.0, 1.0)) for key in pair)
    axes = figure.add_axes(
        (
            (inner.left + x[0] * inner.width) / WIDTH,
            (inner.bottom + y[0] * inner.height) / HEIGHT,
            (x[1] - x[0]) * inner.width / WIDTH,
            (y[1] - y[0]) * inner.height / HEIGHT,
        )
    )
    axes.set_facecolor("none")
    return axes


def _trace(axes: Axes, trace: Given, layout: Given, data: Sequence[Given], stacks: dict[int, list[float]]) -> None:
    match trace["type"]:
        case "bar":
            _bars(axes, trace, layout, data)
        case "heatmap":
            _heat(axes, trace)
        case _ if trace.get("stackgroup"):
            _area(axes, trace, stacks)
        case _ if trace.get("fill") == "toself":
            axes.fill(trace["x"], trace["y"], color=colour(trace["fillcolor"]), alpha=trace["opacity"], linewidth=0)
        case _:
            _scatter(axes, trace)


def _area(axes: Axes, trace: Given, stacks: dict[int, list[float]]) -> None:
    below = stacks.setdefault(id(axes), [0.0] * len(trace["y"]))
    above = [low + more for low, more in zip(below, trace["y"], strict=True)]
    axes.fill_between(trace["x"], below, above, color=colour(trace["fillcolor"]), edgecolor="white", linewidth=0.8)
    stacks[id(axes)] = above


def _scatter(axes: Axes, trace: Given) -> None:
    x, y = ([math.nan if value is None else value for value in trace[key]] for key in ("x", "y"))
    clip = trace.get("cliponaxis", True)
    if "lines" in trace["mode"]:
        line = trace["line"]
        style = DASHES.get(line.get("dash", ""), "solid")
        axes.plot(x, y, color=colour(line["color"]), linewidth=PIXEL * line["width"], linestyle=style, clip_on=clip)
    if "markers" in trace["mode"]:
        _errors(axes, trace)
        marker = trace.get("marker", {})
        size = (min(0.6 * marker.get("size", 6), 200 / max(len(x), 1) + 3)) ** 2
        shape = MARKERS.get(marker.get("symbol", ""), "o")
        axes.scatter(x, y, s=size, c=_colours(marker, len(x)), marker=shape, zorder=3, clip_on=False)
    if "text" in trace["mode"]:
        for place, text in enumerate(trace["text"]):
            look: dict[str, Any] = {"fontsize": TICK, "color": INK, "parse_math": False}
            look |= BESIDE[trace["textposition"]]
            axes.annotate(text, (x[place], y[place]), textcoords="offset points", **look)


def _colours(marker: Given, number: int) -> list[str]:
    found = marker.get("color", ACCENT)
    return [colour(found)] * number if isinstance(found, str) else [colour(each) for each in found]


def _errors(axes: Axes, trace: Given) -> None:
    bars = trace.get("error_x")
    if not bars:
        return
    for place, (x, y) in enumerate(zip(trace["x"], trace["y"], strict=True)):
        more = bars["array"][place]
        less = bars.get("arrayminus", bars["array"])[place]
        style = {"color": colour(bars["color"]), "linewidth": PIXEL * bars["thickness"], "zorder": 2.5}
        axes.plot([x - less, x + more], [y, y], **style)


def _bars(axes: Axes, trace: Given, layout: Given, data: Sequence[Given]) -> None:
    bars = [each for each in data if each["type"] == "bar"]
    grouped = layout.get("barmode") == "group" and len(bars) > 1
    height = (1 - layout.get("bargap", 0.2)) / (len(bars) if grouped else 1)
    shift = (bars.index(trace) - (len(bars) - 1) / 2) * height if grouped else 0.0
    places = [place + shift for place in trace["y"]]
    colours = _colours(trace["marker"], len(places))
    axes.barh(places, trace["x"], height, left=trace.get("base", 0), color=colours, zorder=2)
    _errors(axes, {**trace, "y": places})


def _heat(axes: Axes, trace: Given) -> None:
    grid = [[math.nan if value is None else value for value in row] for row in trace["z"]]
    ends = [colour(each) for _, each in trace["colorscale"]]
    scale = LinearSegmentedColormap.from_list("scale", ends)
    style: dict[str, Any] = {"vmin": trace["zmin"], "vmax": trace["zmax"], "edgecolors": "white", "linewidth": 1.5}
    axes.pcolormesh(trace["x"], trace["y"], grid, cmap=scale, shading="nearest", **style)
    for y, row in zip(trace["y"], trace.get("text", ()), strict=False):
        for x, text in zip(trace["x"], row, strict=True):
            axes.text(x, y, text, fontsize=TICK, color=INK, ha="center", va="center", parse_math=False)


def _finish(axes: Axes, x: Given, y: Given, *, bare: bool) -> None:
    """Put the axes' ranges, ticks and lines in order; `bare` ones lie over others that have them already."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_axisbelow(True)
    for which, given in (("x", x), ("y", y)):
        _ticks(axes, which, given)
    if bare:
        axes.xaxis.set_visible(False)
    if x.get("side") == "top":
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
    if y.get("side") == "right":
        axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=TICK, colors=MUTED, pad=3)
    if len(y.get("tickvals", ())) > DENSE:
        axes.tick_params(axis="y", labelsize=TINY, pad=6)
    for given, labels in ((x, axes.get_xticklabels()), (y, axes.get_yticklabels())):
        for label in labels:
            label.set_parse_math(False)
            if given.get("ticktext"):
                label.set_color(INK)
    if x.get("zerolinecolor"):
        axes.axvline(0, color=INK, linewidth=0.8, zorder=2.2)


def _ticks(axes: Axes, which: str, given: Given) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    limits = axes.set_xlim if which == "x" else axes.set_ylim
    is_log = given.get("type") == "log"
    if is_log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_minor_locator(FixedLocator([]))
        axis.set_major_locator(LogLocator(10))
    if given.get("range"):
        low, high = given["range"]
        limits(10**low, 10**high) if is_log else limits(low, high)
    elif given.get("rangemode") == "tozero":
        limits(0, None)
    suffix = given.get("ticksuffix", "")
    if given.get("tickvals") is not None:
        axis.set_major_locator(FixedLocator(given["tickvals"]))
        texts = dict(zip(given["tickvals"], map(_fitting, given["ticktext"]), strict=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: texts.get(round(value), "")))
    else:
        if given.get("dtick") and not is_log:
            axis.set_major_locator(MultipleLocator(given["dtick"]))
        elif not is_log:
            axis.set_major_locator(MaxNLocator(min(given.get("nticks", 6), 5 if suffix == " points" else 8)))
        separator = "," if given.get("separatethousands") else ""
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:{separator}.10g}{suffix}".replace("-", "−")))
    if given.get("showgrid", True):
        axes.grid(True, axis="x" if which == "x" else "y", color=LINE, linewidth=0.6)
    if not given.get("showticklabels", True):
        axis.set_major_formatter(FuncFormatter(lambda *_: ""))
    if given.get("title"):
        label = axes.set_xlabel if which == "x" else axes.set_ylabel
        label(given["title"]["text"], fontsize=TICK, color=MUTED, parse_math=False)
    if is_log:
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def _fitting(text: str) -> str:
    """A row's name, or as much of it as there is room for."""
    return shortened(text, WIDEST, lambda each: width_of(each, TICK))


def _shape(axes: Axes, shape: Given) -> None:
    line = shape["line"]
    style = {
        "color": colour(line["color"]),
        "linewidth": PIXEL * line["width"],
        "linestyle": DASHES.get(line.get("dash", ""), "solid"),
    }
    if shape.get("xref") == "paper":
        axes.axhline(shape["y0"], **style)
    elif shape.get("yref") == "paper":
        axes.axvline(shape["x0"], **style)
    else:
        axes.plot([shape["x0"], shape["x1"]], [shape["y0"], shape["y1"]], **style)


def _note(figure: Figure, axes: Axes, note: Given, inner: Box) -> None:
    """A text in the picture, at a place of the data or of the paper."""
    x, y = note["x"], note["y"]
    if axes.get_yscale() == "log" and note.get("yref") != "paper":
        y = 10**y
    style: dict[str, Any] = {
        "fontsize": TICK,
        "color": colour(note.get("font", {}).get("color", INK)),
        "ha": note.get("xanchor", "center"),
        "va": {"middle": "center"}.get(note.get("yanchor", "middle"), note.get("yanchor")),
        "parse_math": False,
    }
    if note.get("yref") == "paper":
        left, bottom = inner.left + x * inner.width, inner.bottom + y * inner.height + 2
        figure.text(left / WIDTH, bottom / HEIGHT, note["text"], **style)
        return
    across = "axes fraction" if note.get("xref") == "paper" else "data"
    above = 2.5 if style["va"] == "bottom" else 0.0
    shift = PIXEL * note.get("xshift", 0), PIXEL * note.get("yshift", 0) + above
    axes.annotate(
        note["text"],
        (x, y),
        xycoords=(across, "data"),
        xytext=shift,
        textcoords="offset points",
        annotation_clip=False,
        **style,
    )


def _legend_lines(data: Sequence[Given], width: float) -> list[list[Given]]:
    """The traces that a legend names, in lines that are no wider."""
    lines: list[list[Given]] = [[]]
    used = 0.0
    for trace in data:
        if not trace.get("name") or trace.get("showlegend") is False:
            continue
        wide = width_of(trace["name"], TICK) + 28
        if lines[-1] and used + wide > width:
            lines.append([])
            used = 0.0
        lines[-1].append(trace)
        used += wide
    return lines


def _legend(figure: Figure, data: Sequence[Given], box: Box) -> None:
    """What the colours mean, at the bottom of the box."""
    style: dict[str, Any] = {"va": "center", "fontsize": TICK, "parse_math": False}
    for row, traces in enumerate(reversed(_legend_lines(data, box.width))):
        left, y = box.left, (box.bottom + 4 + row * LEGEND) / HEIGHT
        for trace in traces:
            found = colour(trace["line"]["color"]) if trace.get("mode") == "lines" else _colours(trace["marker"], 1)[0]
            figure.text(left / WIDTH, y, "●", color=found, **style)
            figure.text((left + 10) / WIDTH, y, trace["name"], color=INK, **style)
            left += width_of(trace["name"], TICK) + 28
