"""The closed vocabularies of the analysis."""

from django.db.models import TextChoices


class Outcome(TextChoices):
    """One of the two outcomes of a hypothesis."""

    A = "A", "A"
    B = "B", "B"


class RunStatus(TextChoices):
    """Where a run stands. The last three are final."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATUSES = (RunStatus.QUEUED, RunStatus.RUNNING)
FINAL_STATUSES = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)
