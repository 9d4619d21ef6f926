"""The causal model, the scenarios, the runs and the studies in the admin site."""

from analysis.admin import computations, model

__all__ = ["computations", "model"]
