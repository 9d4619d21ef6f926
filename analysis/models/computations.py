"""What runs, sensitivity studies and robustness reports have in common: from the wish to the stored result."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from analysis.choices import ACTIVE_STATUSES, FINAL_STATUSES, RunStatus


class Computation(models.Model):
    """One computation on a model document, from the wish to the result.

        queued -> running -> succeeded | failed | cancelled
        queued -> cancelled | failed;  running -> queued (the worker was lost, told to stop, or made way)

    The whole model document is kept, so a computation can be repeated for ever. A cached one has no result of its own:
    it points to the one that computed it. Every write of a worker names its `attempt`; where that is no longer the
    row's, another worker has taken over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who asked for it; empty for the system's own.",
    )
    is_shared = models.BooleanField("shared", default=False, help_text="Everyone who reads results may see it.")

    model_document = models.JSONField(help_text="The inputs, `aifutures.model/1`.")
    input_hash = models.CharField(max_length=64, help_text="SHA-256 of all that bears on the numbers.")
    engine_version = models.CharField(max_length=32)
    result = models.JSONField(null=True, blank=True, help_text="The outcome, a result document.")
    cached_from = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The one that computed the result, where this one did not have to.",
    )

    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.QUEUED)
    error = models.TextField(blank=True, help_text="Why it failed and what can be done about it.")
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True, help_text="Last time it entered the queue.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Last time a worker took it.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="When it reached a final state.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress_seq = models.PositiveIntegerField(default=0, help_text="Number of the last progress message.")

    attempt = models.PositiveSmallIntegerField(default=0, help_text="How many workers have taken it so far.")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How many of them died over it.")
    job_id = models.CharField(max_length=64, blank=True, help_text="Id of the queue's job.")
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life of its worker.")

    heavy_fields: ClassVar[tuple[str, ...]] = ("model_document", "result")
    """Columns of a hundred kilobytes and more: loaded when they are asked for, never with a list."""
    progress_fields: ClassVar[tuple[str, ...]] = ()
    """Columns that say how far it is; a cached one has those of its origin."""
    passing_fields: ClassVar[tuple[str, ...]] = ()
    """Columns that mean nothing any more once it has ended."""

    if TYPE_CHECKING:
        cached_from_id: uuid.UUID | None
        transitions: Any  # the related manager of each kind's own

    class Meta:
        abstract = True
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name or f"{str(self._meta.verbose_name).capitalize()} {self.short_id}"

    @property
    def short_id(self) -> str:
        """The first eight characters of the id, for people."""
        return str(self.pk)[:8]

    @property
    def is_final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status in FINAL_STATUSES

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and wanted; (0, 0) while nobody knows how many they are."""
        raise NotImplementedError

    @property
    def result_document(self) -> dict[str, Any] | None:
        """The result, its own or that of the one it was cached from; loaded from the database when asked for."""
        if self.cached_from_id is None:
            return self.result
        return type(self)._default_manager.values_list("result", flat=True).get(pk=self.cached_from_id)


def computation_constraints(prefix: str) -> list[models.BaseConstraint]:
    """What holds of every computation, as constraints named `prefix`_..."""
    return [
        models.CheckConstraint(condition=Q(status__in=RunStatus.values), name=f"{prefix}_status"),
        models.CheckConstraint(
            condition=~Q(status=RunStatus.SUCCEEDED) | Q(result__isnull=False) | Q(cached_from__isnull=False),
            name=f"{prefix}_succeeded_has_result",
        ),
        models.CheckConstraint(
            condition=Q(status__in=FINAL_STATUSES, finished_at__isnull=False)
            | Q(status__in=ACTIVE_STATUSES, finished_at__isnull=True),
            name=f"{prefix}_final_has_time",
        ),
        models.CheckConstraint(
            condition=~Q(status=RunStatus.RUNNING) | Q(started_at__isnull=False, attempt__gte=1),
            name=f"{prefix}_running_has_worker",
        ),
        models.CheckConstraint(
            condition=~Q(status=RunStatus.FAILED) | ~Q(error=""), name=f"{prefix}_failed_has_reason"
        ),
        models.CheckConstraint(condition=Q(input_hash__regex=r"^[0-9a-f]{64}\Z"), name=f"{prefix}_input_hash"),
        models.CheckConstraint(
            condition=Q(cached_from__isnull=True) | ~Q(cached_from=F("id")), name=f"{prefix}_not_cached_from_itself"
        ),
        models.UniqueConstraint(fields=["job_id"], condition=~Q(job_id=""), name=f"{prefix}_job_unique"),
    ]


def computation_indexes(prefix: str) -> list[models.Index]:
    """What lists, the reaper and the search for equal computations read, as indexes named `prefix`_..."""
    return [
        models.Index(fields=["-created_at", "-id"], name=f"{prefix}_newest"),
        models.Index(fields=["owner", "-created_at"], name=f"{prefix}_of_owner"),
        models.Index(fields=["status", "-created_at"], name=f"{prefix}_by_status"),
        models.Index(fields=["-created_at"], condition=Q(is_shared=True), name=f"{prefix}_shared"),
        models.Index(
            fields=["status", "heartbeat_at"], condition=Q(status__in=ACTIVE_STATUSES), name=f"{prefix}_active"
        ),
        models.Index(
            fields=["input_hash", "engine_version", "-finished_at"],
            condition=Q(status=RunStatus.SUCCEEDED),
            name=f"{prefix}_cache",
        ),
    ]


class Transition(models.Model):
    """One change of a computation's status: to what, when, in which attempt and for what reason."""

    status = models.CharField(max_length=16, choices=RunStatus)
    at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField()
    reason = models.TextField(blank=True)

    class Meta:
        abstract = True
        ordering = ["at", "id"]
        verbose_name = "transition"

    def __str__(self) -> str:
        return f"{RunStatus(self.status).label} at {self.at:%Y-%m-%d %H:%M:%S}"


def transition_constraints(prefix: str) -> list[models.BaseConstraint]:
    """A transition leads to a known status."""
    return [models.CheckConstraint(condition=Q(status__in=RunStatus.values), name=f"{prefix}_status")]
