"""The causal model and the scenarios: what admins change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from analysis.models import Influence, Scenario, ScenarioCluster
from analysis.services.network import CLUSTER_FIELDS, INFLUENCE_FIELDS, cluster_edit, influence_edit
from evidence.admin.base import CuratedAdmin
from evidence.forms import CuratedForm


class PartOfModelForm(CuratedForm):
    """Stores the fields that were changed, with the reason: who changes others meanwhile undoes nothing."""

    seen_version = None  # type: ignore[assignment]
    name: ClassVar[str]
    edit: ClassVar[Callable[..., Any]]

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> Any:
        changes = {field: value for field, value in values.items() if field in self.changed_data}
        return type(self).edit(**{self.name: self.instance}, actor=self.actor, changes=changes, reason=reason)


class InfluenceForm(PartOfModelForm):
    """The strength of an influence, and why it is there."""

    editable = INFLUENCE_FIELDS
    name, edit = "influence", staticmethod(influence_edit)


class ClusterForm(PartOfModelForm):
    """A family of scenarios."""

    editable = CLUSTER_FIELDS
    name, edit = "cluster", staticmethod(cluster_edit)


class PartOfModelAdmin(CuratedAdmin):
    """What is changed with a reason. There are as many as the model has."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: one more makes another model, and comes with a migration."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: an influence without strength is none, and scenarios need their clusters."""
        return False


@admin.register(Influence)
class InfluenceAdmin(PartOfModelAdmin):
    """The edges of the network."""

    form = InfluenceForm
    fields = ("source", "source_outcome", "target", "target_outcome", "strength", "description", "reason")
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
class ScenarioClusterAdmin(PartOfModelAdmin):
    """Families of scenarios."""

    form = ClusterForm
    fields = ("order", "name", "pattern", "colour", "reason")
    readonly_fields = ("order",)

    list_display = ("order", "name", "pattern", "colour_patch")
    list_display_links = ("name",)
    search_fields = ("name", "pattern")

    @display(description="colour", ordering="colour")
    def colour_patch(self, cluster: ScenarioCluster) -> SafeString:
        """The colour and its code."""
        return format_html('<span style="color: {}">&#9632;</span> {}', cluster.colour, cluster.colour)


@admin.register(Scenario)
class ScenarioAdmin(ModelAdmin):
    """The futures."""

    list_display = ("code", "title")
    search_fields = ("code", "title", "narrative")
