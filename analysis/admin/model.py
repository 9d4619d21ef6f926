"""The causal model and the scenarios: what admins change."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from analysis.models import Influence, Scenario, ScenarioCluster


@admin.register(Influence)
class InfluenceAdmin(ModelAdmin):
    """The edges of the network."""

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
    autocomplete_fields = ("source", "target")


@admin.register(ScenarioCluster)
class ScenarioClusterAdmin(ModelAdmin):
    """Families of scenarios."""

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
