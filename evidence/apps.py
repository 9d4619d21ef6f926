"""Django application of what is known: hypotheses, sources and evidence."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """Name and defaults of the evidence base."""

    name = "evidence"
    verbose_name = "Evidence"
    default_auto_field = "django.db.models.BigAutoField"
