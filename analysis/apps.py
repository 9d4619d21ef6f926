"""Django application of what follows from the evidence: the causal model, scenarios and runs."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """Name and defaults of the analysis."""

    name = "analysis"
    verbose_name = "Analysis"
    default_auto_field = "django.db.models.BigAutoField"
