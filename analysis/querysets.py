"""Who sees which rows of the analysis, and the selections that have a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from accounts.policies import Asker, Scope, may
from accounts.querysets import ScopedQuerySet
from analysis.choices import ACTIVE_STATUSES

if TYPE_CHECKING:
    from analysis.models import (  # noqa: F401 - named in strings below
        AnalysisRun,
        Influence,
        Scenario,
        ScenarioCluster,
    )

HEAVY_FIELDS = ("model_document", "checkpoint", "result")
"""Columns of a run of a hundred kilobytes and more: loaded when they are asked for, never with a list."""


class InfluenceQuerySet(ScopedQuerySet["Influence"]):
    """The edges of the network."""

    read_scope = Scope.READ_SCENARIOS


class ScenarioClusterQuerySet(ScopedQuerySet["ScenarioCluster"]):
    """Families of scenarios."""

    read_scope = Scope.READ_SCENARIOS


class ScenarioQuerySet(ScopedQuerySet["Scenario"]):
    """Futures."""

    read_scope = Scope.READ_SCENARIOS


class AnalysisRunQuerySet(models.QuerySet["AnalysisRun"]):
    """Runs."""

    def visible_to(self, user: Asker) -> Self:
        """Own, shared and published runs; every run for admins; none for who may not read results."""
        if may(user, Scope.READ_ALL_RUNS):
            return self
        if not may(user, Scope.READ_RESULTS):
            return self.none()
        return self.filter(Q(owner_id=user.pk) | Q(is_shared=True) | Q(published_at__isnull=False))

    def published(self) -> Self:
        """Runs that are or were the baseline, the present one first."""
        return self.filter(published_at__isnull=False).order_by(F("published_at").desc(), "-created_at")

    def active(self) -> Self:
        """Runs that wait or are being worked on."""
        return self.filter(status__in=ACTIVE_STATUSES)


_Manager = models.Manager.from_queryset(AnalysisRunQuerySet)


class AnalysisRunManager(_Manager["AnalysisRun"]):
    """Leaves the heavy columns in the database until they are asked for."""

    def get_queryset(self) -> AnalysisRunQuerySet:
        """Every run, without the heavy columns."""
        return AnalysisRunQuerySet(self.model, using=self._db).defer(*HEAVY_FIELDS)
