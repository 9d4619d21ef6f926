"""The closed vocabularies of the evidence base."""

from django.db.models import TextChoices


class Direction(TextChoices):
    """The outcome of its hypothesis that an item speaks for."""

    A = "A", "for outcome A"
    B = "B", "for outcome B"


class SourceType(TextChoices):
    """What kind of publication a source is."""

    ACADEMIC_PAPER = "academic_paper", "Academic paper"
    GOVERNMENT_STUDY = "government_study", "Government study"
    INDUSTRY_REPORT = "industry_report", "Industry report"
    TECHNICAL_BENCHMARK = "technical_benchmark", "Technical benchmark"
    THINK_TANK = "think_tank", "Think tank report"


class EvidenceStatus(TextChoices):
    """Where an item stands in review. Analyses use approved items only."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    RETIRED = "retired", "Retired"


OPEN_STATUSES = (EvidenceStatus.DRAFT, EvidenceStatus.SUBMITTED)
"""Not decided yet."""


class TableKind(TextChoices):
    """What the rows of a table are."""

    ITEMS = "items", "Evidence"
    SOURCES = "sources", "Sources"


class ImportStatus(TextChoices):
    """Where an import stands. Only the step to imported writes rows."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked"
    IMPORTING = "importing", "Being imported"
    IMPORTED = "imported", "Imported"
    FAILED = "failed", "Failed"
