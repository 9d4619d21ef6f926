"""Sensitivity by single numbers (MODEL.md 7): the tornado of a local study, the plane of Morris's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.plots.colours import ACCENT, GREY, INK, MUTED
from analysis.plots.plot import Column, Kind, Plot, Table, literal
from analysis.plots.ranked import legend, rows_axis, rows_on_phone, upper
from analysis.plots.subjects import Output, Subjects

SHOWN = 8
"""Parameters that a figure shows; its table has them all."""
NAMED = 6
"""Points of Morris's plane that are named."""

Study = Mapping[str, Any]
"""A document `aifutures.sensitivity/1`, as far as the reader may see it."""


def tornado(study: Study, words: Subjects, *, source: str) -> Plot:
    """The output as each parameter goes from its low to its high value, the others at their nominal ones."""
    output, swings, nominal = words.output(study["output"]), study["swings"], study["nominal"]
    shown = study["ranking"][:SHOWN]
    first = swings[shown[0]]
    names = [words.parameter(name) for name in shown]
    return Plot(
        key="study-local-plot",
        finding=f"{names[0]} swings it most: from {output.value(first['output_at_low'])} to "
        f"{output.value(first['output_at_high'])}",
        subtitle=f"{upper(output.words)} as one uncertain number goes from its 5 % point to its 95 % point, "
        f"the others at their best values, which give {output.value(nominal)}",
        source=source,
        figure={
            "data": [
                _swing(shown, study, output, "low"),
                _swing(shown, study, output, "high"),
            ],
            "layout": {
                "barmode": "overlay",
                "bargap": 0.35,
                "xaxis": {"ticksuffix": output.suffix, "side": "top", "zeroline": False, "nticks": 6},
                "yaxis": rows_axis(names),
                "shapes": [_upright(output.scale * nominal)],
                **legend(),
            },
            "phone": {**rows_on_phone(names, raised=16), "bargap": 0.65},
        },
        table=Table(
            _swing_columns(output, ranges="low" in first), [_swing_row(study, words, name) for name in study["ranking"]]
        ),
        method="sensitivity",
        size="large",
        level=3,
    )


def plane(study: Study, words: Subjects, *, source: str) -> Plot:
    """Morris's plane: how much each parameter does (mu*) against how much that depends on the others (sigma)."""
    output, mu_star, sigma = words.output(study["output"]), study["mu_star"], study["sigma"]
    first = mu_star[study["ranking"][0]]
    return Plot(
        key="study-morris-plot",
        finding=f"{words.parameter(study['ranking'][0])} does most: {output.size(first['value'])} "
        f"(give or take {output.size(first['half_width'])}) over its whole range",
        subtitle=f"Mean size of the effect on {output.words} over each number's range (μ*, to the right), and how far "
        "that differs with the others' values (σ, upwards): above the dotted line, interactions or curvature rule",
        source=source,
        figure={
            "data": [*_points(study, words, output)],
            "layout": _plane_layout(study, output),
            "phone": {"xaxis": {"nticks": 4, "tickangle": 0}},
        },
        table=Table(
            [
                Column("Uncertain number"),
                Column("μ*", "number"),
                Column("give or take", "number"),
                Column("μ", "number"),
                Column("σ", "number"),
            ],
            [
                [words.parameter(name), *estimate(mu_star[name]), study["mu"][name], sigma[name]]
                for name in study["ranking"]
            ],
        ),
        method="sensitivity",
        size="large",
        level=3,
    )


def estimate(found: Mapping[str, float]) -> tuple[float, float]:
    """A value with the half-width of its interval, as cells of a row."""
    return found["value"], found["half_width"]


def _upright(x: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": INK, "width": 1.5},
    }


def _swing(shown: Sequence[str], study: Study, output: Output, end: str) -> dict[str, Any]:
    swings, nominal = study["swings"], study["nominal"]
    values = [swings[name][f"output_at_{end}"] for name in shown]
    return {
        "type": "bar",
        "orientation": "h",
        "name": f"at its {'5' if end == 'low' else '95'} % point",
        "base": [output.scale * nominal] * len(shown),
        "x": [output.scale * (value - nominal) for value in values],
        "y": list(range(len(shown))),
        "marker": {"color": GREY if end == "low" else ACCENT},
        "customdata": [[output.value(value), output.difference(value - nominal)] for value in values],
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}<extra></extra>",
    }


def _swing_columns(output: Output, *, ranges: bool) -> list[Column]:
    kind: Kind = "percent" if output.is_probability else "number"
    return [
        Column("Uncertain number"),
        *([Column("5 % point"), Column("95 % point")] if ranges else []),
        Column("Output at 5 %", kind),
        Column("Output at 95 %", kind),
        Column("Swing", "points" if output.is_probability else "number"),
        Column("Elasticity", "number"),
    ]


def _swing_row(study: Study, words: Subjects, name: str) -> list[str | float | None]:
    found = study["swings"][name]
    ends = [f"{found[end]:.4g}" for end in ("low", "high") if end in found]
    return [
        words.parameter(name),
        *ends,
        found["output_at_low"],
        found["output_at_high"],
        found["swing"],
        study["elasticity"][name],
    ]


def _points(study: Study, words: Subjects, output: Output) -> Iterator[dict[str, Any]]:
    """The largest as numbered points, each with its name in the legend; the others together."""
    ranking = study["ranking"]
    for number, name in enumerate(ranking[:NAMED], 1):
        called = f"{number}. {words.parameter(name)}"
        yield _marks([name], study, words, output) | {
            "mode": "markers+text",
            "name": literal(called),
            "text": [str(number)],
            "textposition": "top left",
            "marker": {"color": ACCENT, "size": 9},
        }
    if others := ranking[NAMED:]:
        yield _marks(others, study, words, output) | {
            "name": f"{len(others)} others",
            "marker": {"color": GREY, "size": 7},
        }


def _marks(names: Sequence[str], study: Study, words: Subjects, output: Output) -> dict[str, Any]:
    mu_star, sigma = study["mu_star"], _spread(study)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [output.scale * mu_star[name]["value"] for name in names],
        "y": [output.scale * sigma[name] for name in names],
        "error_x": {
            "array": [output.scale * mu_star[name]["half_width"] for name in names],
            "color": GREY,
            "thickness": 1.5,
            "width": 3,
        },
        "customdata": [
            [literal(words.parameter(name)), output.size(mu_star[name]["value"]), output.size(sigma[name])]
            for name in names
        ],
        "hovertemplate": "%{customdata[0]}<br>μ* %{customdata[1]}, σ %{customdata[2]}<extra></extra>",
        "cliponaxis": False,
    }


def _plane_layout(study: Study, output: Output) -> dict[str, Any]:
    ranking, mu_star, sigma = study["ranking"], study["mu_star"], _spread(study)
    right = output.scale * max(mu_star[name]["high"] for name in ranking)
    top = output.scale * max(sigma[name] for name in ranking)
    end = min(right, top)
    return {
        "xaxis": {
            "range": [0, 1.05 * right],
            "title": {"text": f"μ*: mean size of the effect, in {output.change_unit}"},
        },
        "yaxis": {
            "range": [0, 1.12 * top],
            "title": {"text": f"σ: how far it differs, in {output.change_unit}"},
        },
        "shapes": [
            {
                "type": "line",
                "x0": 0,
                "y0": 0,
                "x1": end,
                "y1": end,
                "line": {"color": MUTED, "width": 1, "dash": "dot"},
            }
        ],
        **legend(y=-0.18),
    }


def _spread(study: Study) -> dict[str, float]:
    """Sigma; 0 for a group of several parameters, whose effects have none."""
    return {name: value or 0.0 for name, value in study["sigma"].items()}
