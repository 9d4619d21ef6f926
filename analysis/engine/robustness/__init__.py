"""Robustness of a result: what is left of it when a decision behind it is taken otherwise."""

from .report import ITERATIONS, SCHEMA, Stopped, robustness_report

__all__ = ["ITERATIONS", "SCHEMA", "Stopped", "robustness_report"]
