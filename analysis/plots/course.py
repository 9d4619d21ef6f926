"""A scenario's probability over time."""

from __future__ import annotations

from analysis.plots.colours import INK, MUTED, cluster_colour
from analysis.plots.plot import Column, Plot, Table
from analysis.scenario_profile import Profile
from analysis.wording import THIN_SPACE, percent, percent_range

SAME = 0.001
"""Probabilities that differ by less are told as the same."""
BAND = "40"
"""Opacity of the band, a quarter, as the last digits of a colour."""


def course(profile: Profile, *, source: str) -> Plot:
    """The mean in each year as a line on the band of its 90 % interval; the year of the page is marked."""
    years, estimates = profile.futures.years, profile.course
    family = profile.future.family
    colour = cluster_colour(family.colour) if family else INK
    edge = {"type": "scatter", "mode": "lines", "x": years, "line": {"width": 0}, "hoverinfo": "skip"}
    return Plot(
        key="course",
        finding=_finding(profile),
        subtitle=f"Probability of {profile.future.code} by year, {years[0]} to {years[-1]}: mean and 90 % interval",
        source=source,
        figure={
            "data": [
                {**edge, "y": [100 * each.low for each in estimates]},
                {
                    **edge,
                    "y": [100 * each.high for each in estimates],
                    "fill": "tonexty",
                    "fillcolor": f"{colour}{BAND}",
                },
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": years,
                    "y": [100 * each.mean for each in estimates],
                    "line": {"width": 3, "color": colour},
                    "customdata": [[percent(each.mean), percent_range(each.low, each.high)] for each in estimates],
                    "hovertemplate": "%{x}<br>%{customdata[0]}, 90 % interval %{customdata[1]}<extra></extra>",
                },
            ],
            "layout": {
                "xaxis": {"range": [years[0], years[-1]], "dtick": 5, "showgrid": False},
                "yaxis": {"rangemode": "tozero", "ticksuffix": f"{THIN_SPACE}%", "nticks": 6},
                "hovermode": "x",
                "shapes": [
                    {
                        "type": "line",
                        "x0": profile.year,
                        "x1": profile.year,
                        "y0": 0,
                        "y1": 1,
                        "yref": "paper",
                        "line": {"color": MUTED, "width": 1, "dash": "dot"},
                    }
                ],
            },
        },
        table=Table(
            [
                Column("Year", "plain"),
                Column("Probability", "percent"),
                Column("5th percentile", "percent"),
                Column("95th percentile", "percent"),
            ],
            [[year, each.mean, each.low, each.high] for year, each in zip(years, estimates, strict=True)],
        ),
        method="scenarios",
    )


def _finding(profile: Profile) -> str:
    years, means = profile.futures.years, [each.mean for each in profile.course]
    first, then = means[0], profile.future.estimate.mean
    peak = max(range(len(means)), key=means.__getitem__)
    way = "Up from" if then > first + SAME else "Down from" if then < first - SAME else "As in the beginning:"
    words = f"{way} {percent(first)} in {years[0]} to {percent(then)} in {profile.year}"
    if means[peak] > max(first, then) + SAME:
        words += f", past {percent(means[peak])} in {years[peak]}"
    return words
