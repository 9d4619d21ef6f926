"""The causal model and the scenarios: what admins change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from analysis.admin.matrix import MatrixMixin
from analysis.admin.patterns import PatternMixin
from analysis.models import Influence, Scenario, ScenarioCluster
from analysis.services.network import CLUSTER_FIELDS, INFLUENCE_FIELDS, cluster_create, cluster_edit, influence_edit
from analysis.services.scenarios import SCENARIO_FIELDS, scenario_edit
from evidence.admin.base import CuratedAdmin
from evidence.forms import CuratedForm


class PartOfModelForm(CuratedForm):
    """Is stored by the service that it names, with the reason."""

    name: ClassVar[str]
    edit: ClassVar[Callable[..., Any]]

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> Any:
        how = {"actor": self.actor, "changes": values, "reason": reason, "seen": version}
        return type(self).edit(**{self.name: self.instance}, **how)


class InfluenceForm(PartOfModelForm):
    """The strength of an influence, and why it is there."""

    editable = INFLUENCE_FIELDS
    name, edit = "influence", staticmethod(influence_edit)


class ClusterForm(PartOfModelForm):
    """A family of scenarios."""

    editable = CLUSTER_FIELDS
    name, edit = "cluster", staticmethod(cluster_edit)

    def _create(self, values: dict[str, Any], reason: str) -> ScenarioCluster:
        return cluster_create(actor=self.actor, reason=reason, **values)


class ScenarioForm(PartOfModelForm):
    """The words of a future."""

    editable = SCENARIO_FIELDS
    name, edit = "scenario", staticmethod(scenario_edit)


class PartOfModelAdmin(CuratedAdmin):
    """What is changed with a reason, by the service that its form names."""

    form: type[PartOfModelForm]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows with their `version_of`, from the same statement: a form never has a newer one than what it shows."""
        records = self.model.history.filter(id=OuterRef("pk")).order_by("-history_id").values("history_id")
        return super().get_queryset(request).annotate(version=Coalesce(Subquery(records[:1]), 0))

    def store(self, obj: Any, *, version: int | None, **how: Any) -> Any:
        """By the service."""
        return self.form.edit(**{self.form.name: obj}, seen=version, **how)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No, unless the page says otherwise."""
        return False


@admin.register(Influence)
class InfluenceAdmin(MatrixMixin, PartOfModelAdmin):
    """The edges of the network. The matrix adds and deletes them."""

    form = InfluenceForm
    content = INFLUENCE_FIELDS
    fields = (
        "source", "source_outcome", "target", "target_outcome", "strength", "description", "reason", "seen_version",
    )  # fmt: skip
    readonly_fields = ("source", "source_outcome", "target", "target_outcome")

    list_display = (
        "order",
        "__str__",
        "source",
        "source_outcome",
        "target",
        "target_outcome",
        "strength",
        "description",
    )
    list_display_links = ("__str__",)
    list_filter = ("source", "target")
    list_select_related = ("source", "target")
    search_fields = ("source__code", "target__code", "description")


@admin.register(ScenarioCluster)
class ScenarioClusterAdmin(PatternMixin, PartOfModelAdmin):
    """Families of scenarios."""

    form = ClusterForm
    content = CLUSTER_FIELDS
    fields = ("order", "name", "pattern", "colour", "reason", "seen_version")
    readonly_fields = ("order",)

    list_display = ("order", "name", "pattern", "colour_patch")
    list_display_links = ("name",)
    search_fields = ("name", "pattern")

    @display(description="colour", ordering="colour")
    def colour_patch(self, cluster: ScenarioCluster) -> SafeString:
        """The colour and its code."""
        return format_html('<span style="color: {}">&#9632;</span> {}', cluster.colour, cluster.colour)


@admin.register(Scenario)
class ScenarioAdmin(PartOfModelAdmin):
    """The futures. There is one for every combination of outcomes."""

    form = ScenarioForm
    content = SCENARIO_FIELDS
    fields = ("code", "title", "narrative", "reason", "seen_version")
    readonly_fields = ("code",)

    list_display = ("code", "title")
    search_fields = ("code", "title", "narrative")
