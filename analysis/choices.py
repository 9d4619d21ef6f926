"""The closed vocabularies of the analysis."""

from django.db.models import TextChoices


class Outcome(TextChoices):
    """One of the two outcomes of a hypothesis."""

    A = "A", "A"
    B = "B", "B"


class RunStatus(TextChoices):
    """Where a run, or any other computation, stands. The last three are final."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATUSES = (RunStatus.QUEUED, RunStatus.RUNNING)
FINAL_STATUSES = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class StudyMethod(TextChoices):
    """How a sensitivity study asks (MODEL.md 7)."""

    SOBOL = "sobol", "Sobol' indices"
    MORRIS = "morris", "Elementary effects (Morris)"
    LOCAL = "local", "Local derivatives and swings"
    VALUE_OF_INFORMATION = "value_of_information", "Value of information"


class WorkQueue(TextChoices):
    """Where work waits, most urgent first: answers in milliseconds, studies of seconds, runs of minutes."""

    INTERACTIVE = "interactive", "Interactive"
    DEFAULT = "default", "Studies"
    ANALYSIS = "analysis", "Runs"
