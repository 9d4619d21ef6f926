"""Robustness of a result: what is left of it when a decision behind it is taken otherwise."""

from .report import SCHEMA, default_iterations, report_hash, robustness_report

__all__ = ["SCHEMA", "default_iterations", "report_hash", "robustness_report"]
