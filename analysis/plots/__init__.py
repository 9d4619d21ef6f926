"""Figures in pages, drawn in the browser by Plotly: each with its finding, its table and its source."""

from analysis.plots.colours import cluster_colour
from analysis.plots.plot import Column, Plot, Table

__all__ = ["Column", "Plot", "Table", "cluster_colour"]
