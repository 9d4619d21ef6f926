"""Who sees which rows of the analysis, and the selections that have a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import F, Q

from accounts.policies import Asker, Scope, may
from accounts.querysets import ScopedQuerySet
from analysis.choices import ACTIVE_STATUSES

if TYPE_CHECKING:
    from analysis.models import (  # noqa: F401 - named in strings below
        AnalysisRun,
        Computation,
        Influence,
        SavedQuestion,
        Scenario,
        ScenarioCluster,
    )

ComputationT = TypeVar("ComputationT", bound="Computation")


class InfluenceQuerySet(ScopedQuerySet["Influence"]):
    """The edges of the network."""

    read_scope = Scope.READ_SCENARIOS


class ScenarioClusterQuerySet(ScopedQuerySet["ScenarioCluster"]):
    """Families of scenarios."""

    read_scope = Scope.READ_SCENARIOS


class ScenarioQuerySet(ScopedQuerySet["Scenario"]):
    """Futures."""

    read_scope = Scope.READ_SCENARIOS


class SavedQuestionQuerySet(models.QuerySet["SavedQuestion"]):
    """What-if questions that people keep."""

    def visible_to(self, user: Asker) -> Self:
        """The user's own; none for who may ask no questions (any more)."""
        return self.filter(owner_id=user.pk) if may(user, Scope.CREATE_ANALYSIS) else self.none()


class ComputationQuerySet(models.QuerySet[ComputationT]):
    """Runs, studies, reports: whatever has an owner and a life from the wish to the result."""

    def visible_to(self, user: Asker) -> Self:
        """Own ones and those open to everyone; every one for admins; none for who may not read results."""
        if may(user, Scope.READ_ALL_RUNS):
            return self
        if not may(user, Scope.READ_RESULTS):
            return self.none()
        return self.filter(Q(owner_id=user.pk) | self._open())

    def active(self) -> Self:
        """Those that wait or are being worked on."""
        return self.filter(status__in=ACTIVE_STATUSES)

    def _open(self) -> Q:
        """What everyone who reads results may see."""
        return Q(is_shared=True)


class AnalysisRunQuerySet(ComputationQuerySet["AnalysisRun"]):
    """Runs. The published ones are open to everyone."""

    def published(self) -> Self:
        """Runs that are or were the baseline, the present one first."""
        return self.filter(published_at__isnull=False).order_by(F("published_at").desc(), "-created_at")

    def _open(self) -> Q:
        return super()._open() | Q(published_at__isnull=False)


_ComputationManager = models.Manager.from_queryset(ComputationQuerySet)


class ComputationManager(_ComputationManager[ComputationT]):
    """Leaves the heavy columns in the database until they are asked for."""

    def get_queryset(self) -> ComputationQuerySet[ComputationT]:
        """Every row, without the heavy columns."""
        return ComputationQuerySet(self.model, using=self._db).defer(*self.model.heavy_fields)


_AnalysisRunManager = models.Manager.from_queryset(AnalysisRunQuerySet)


class AnalysisRunManager(_AnalysisRunManager["AnalysisRun"]):
    """Leaves the heavy columns in the database until they are asked for."""

    def get_queryset(self) -> AnalysisRunQuerySet:
        """Every run, without the heavy columns."""
        return AnalysisRunQuerySet(self.model, using=self._db).defer(*self.model.heavy_fields)
