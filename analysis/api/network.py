"""Endpoints of the influences between hypotheses and of the families of scenarios."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of, require_match
from accounts.api.pagination import CursorPagination
from accounts.api.problems import MEDIA_TYPE
from accounts.api.schema import IF_MATCH, problem_response
from accounts.api.serializers import BodySerializer, StrictSerializer
from accounts.policies import Scope
from analysis.choices import Outcome
from analysis.models import Influence, ScenarioCluster
from analysis.models.scenarios import COLOUR, PATTERN
from analysis.services.network import (
    cluster_create,
    cluster_delete,
    cluster_edit,
    influence_create,
    influence_delete,
    influence_edit,
)
from evidence.api.base import DELETED, CuratedViewSet, checked_query
from evidence.api.serializers import HypothesisField
from evidence.services.rules import MAX_REASON

RowT = TypeVar("RowT", Influence, ScenarioCluster)

CHANGED = {
    (412, MEDIA_TYPE): problem_response("It has changed since it was read."),
    (428, MEDIA_TYPE): problem_response("If-Match is missing."),
}


class InfluenceSerializer(serializers.ModelSerializer):
    """When `source` has `source_outcome`, the odds of `target_outcome` of `target` rise by exp(strength)."""

    key = serializers.SerializerMethodField(help_text="As in model documents and overrides: `H2A>H4B`.")
    source = serializers.CharField(source="source.code")  # type: ignore[assignment] # a field of that name
    target = serializers.CharField(source="target.code")

    class Meta:
        model = Influence
        fields = [
            "id", "key", "source", "source_outcome", "target", "target_outcome", "strength", "description", "order",
        ]  # fmt: skip
        read_only_fields = ["order"]  # its range is the database's

    def get_key(self, influence: Influence) -> str:
        """The influence in one word."""
        return str(influence).replace(" ", "")


class ClusterSerializer(serializers.ModelSerializer):
    """A family of scenarios: those that fit `pattern` and that of no cluster before it in `order`."""

    class Meta:
        model = ScenarioCluster
        fields = ["id", "name", "pattern", "colour", "order"]
        read_only_fields = ["order"]


class NewInfluenceSerializer(BodySerializer):
    """A new influence, and why."""

    source = HypothesisField(help_text="Code, such as H2.")  # type: ignore[assignment] # a field of that name
    source_outcome = serializers.ChoiceField(Outcome.choices)
    target = HypothesisField(help_text="Code, such as H4.")
    target_outcome = serializers.ChoiceField(Outcome.choices)
    strength = serializers.FloatField(min_value=0, max_value=1, help_text="Nats of log-odds.")
    description = serializers.CharField(max_length=500, allow_blank=True, required=False)
    reason = serializers.CharField(max_length=MAX_REASON)


class NewClusterSerializer(BodySerializer):
    """A new cluster, and why."""

    name = serializers.CharField(max_length=100)
    pattern = serializers.RegexField(PATTERN.replace(r"\Z", "$"), help_text="A, B or * for each.")
    colour = serializers.RegexField(COLOUR.replace(r"\Z", "$"), help_text="Such as #009E73.")
    order = serializers.IntegerField(
        min_value=1, max_value=32, required=False, help_text="Its place, from 1; by default the last but one."
    )
    reason = serializers.CharField(max_length=MAX_REASON)


class RemovalQuery(StrictSerializer):
    """Why a part of the model is deleted."""

    reason = serializers.CharField(max_length=MAX_REASON, help_text="Why; kept in the history.")


class InfluenceChangeSerializer(BodySerializer):
    """What is to change of an influence, and why."""

    strength = serializers.FloatField(min_value=0, max_value=1, required=False, help_text="Nats of log-odds.")
    description = serializers.CharField(max_length=500, allow_blank=True, required=False)
    reason = serializers.CharField(max_length=MAX_REASON)


class ClusterChangeSerializer(BodySerializer):
    """What is to change of a cluster, and why."""

    name = serializers.CharField(max_length=100, required=False)
    pattern = serializers.RegexField(PATTERN.replace(r"\Z", "$"), required=False, help_text="A, B or * for each.")
    colour = serializers.RegexField(COLOUR.replace(r"\Z", "$"), required=False)
    reason = serializers.CharField(max_length=MAX_REASON)


class InfluencePagination(CursorPagination[Influence]):
    """Influences, in the order in which they are drawn."""

    results_key = "influences"


class ClusterPagination(CursorPagination[ScenarioCluster]):
    """Clusters, in the order in which they take scenarios."""

    results_key = "clusters"


class _PartOfModelViewSet(CuratedViewSet, Generic[RowT]):
    """What everyone reads with the scenarios, and admins change with a reason."""

    scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.READ_SCENARIOS),
        **dict.fromkeys(("create", "partial_update", "destroy"), Scope.WRITE_MODEL),
    }

    def answer(self, row: RowT, status: int = 200) -> Response:
        """The row with its version."""
        data = self.get_serializer(row).data
        return Response(data, status, headers={"ETag": _etag(data)})

    def page(self) -> Response:
        """A page of rows."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def found(self, pk: int) -> RowT:
        """The row that the address names."""
        row: RowT = get_object_or_404(self.get_queryset(), pk=pk)
        return row

    def known(self, pk: int) -> RowT:
        """The row, held, once the client is seen to know it. Within a transaction."""
        row: RowT = get_object_or_404(self.get_queryset().select_for_update(of=("self",)), pk=pk)
        require_match(self.request, _etag(self.get_serializer(row).data))
        return row


class InfluenceViewSet(_PartOfModelViewSet[Influence]):
    """The edges of the causal network."""

    path_words = {"id": "Id of the influence."}
    serializer_class = InfluenceSerializer
    pagination_class = InfluencePagination
    queryset = Influence.objects.none()

    def get_queryset(self) -> QuerySet[Influence]:
        """Every influence, for who reads scenarios."""
        return Influence.objects.visible_to(self.request.user).select_related("source", "target")

    @extend_schema(summary="List the influences", operation_id="influences_list")
    def list(self, request: Request) -> Response:
        """The edges of the causal network between the hypotheses."""
        return self.page()

    @extend_schema(
        summary="Add an influence",
        description="For admins. It counts in runs that begin from now on.",
        operation_id="influences_create",
        request=NewInfluenceSerializer,
        responses={201: InfluenceSerializer},
        examples=[
            OpenApiExample(
                "A new edge",
                {
                    "source": "H3",
                    "source_outcome": "A",
                    "target": "H6",
                    "target_outcome": "B",
                    "strength": 0.2,
                    "reason": "Panel of 12 May 2026",
                },
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """A new edge, the last in order, with a reason."""
        given = self.checked(NewInfluenceSerializer)
        return self.answer(influence_create(actor=self.actor, **given), 201)

    @extend_schema(summary="Read an influence", operation_id="influences_read")
    def retrieve(self, request: Request, pk: int) -> Response:
        """One edge, with the ETag that a change needs."""
        return self.answer(self.found(pk))

    @extend_schema(
        summary="Change an influence",
        description="For admins. Runs that are queued or done keep the strength they were asked with.",
        operation_id="influences_edit",
        parameters=[IF_MATCH],
        request=InfluenceChangeSerializer,
        responses={200: InfluenceSerializer, **CHANGED},
        examples=[
            OpenApiExample("Stronger", {"strength": 0.4, "reason": "Panel of 12 May 2026"}, request_only=True),
        ],
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change the strength or the description, with a reason."""
        with transaction.atomic():
            row, given = self.known(pk), self.checked(InfluenceChangeSerializer)
            reason = given.pop("reason")
            return self.answer(influence_edit(influence=row, actor=self.actor, changes=given, reason=reason))

    @extend_schema(
        summary="Delete an influence",
        description="For admins. Runs that are queued or done keep it.",
        operation_id="influences_delete",
        parameters=[IF_MATCH, RemovalQuery],
        responses={204: DELETED, **CHANGED},
    )
    def destroy(self, request: Request, pk: int) -> Response:
        """Take it out of the network, with a reason."""
        reason = checked_query(request, RemovalQuery)["reason"]
        with transaction.atomic():
            influence_delete(influence=self.known(pk), actor=self.actor, reason=reason)
        return Response(status=204)


class ClusterViewSet(_PartOfModelViewSet[ScenarioCluster]):
    """The families of scenarios."""

    path_words = {"id": "Id of the cluster."}
    serializer_class = ClusterSerializer
    pagination_class = ClusterPagination
    queryset = ScenarioCluster.objects.none()

    def get_queryset(self) -> QuerySet[ScenarioCluster]:
        """Every cluster, for who reads scenarios."""
        return ScenarioCluster.objects.visible_to(self.request.user)

    @extend_schema(summary="List the clusters", operation_id="clusters_list")
    def list(self, request: Request) -> Response:
        """The families of scenarios; a scenario belongs to the first whose pattern it fits."""
        return self.page()

    @extend_schema(
        summary="Add a cluster",
        description="For admins. Clusters behind its place move on by one; the last one's pattern stays all `*`.",
        operation_id="clusters_create",
        request=NewClusterSerializer,
        responses={201: ClusterSerializer},
        examples=[
            OpenApiExample(
                "A new family",
                {"name": "Late and safe", "pattern": "B**A**", "colour": "#009E73", "reason": "Asked for by readers"},
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """A new family, with a reason."""
        given = self.checked(NewClusterSerializer)
        return self.answer(cluster_create(actor=self.actor, **given), 201)

    @extend_schema(summary="Read a cluster", operation_id="clusters_read")
    def retrieve(self, request: Request, pk: int) -> Response:
        """One family, with the ETag that a change needs."""
        return self.answer(self.found(pk))

    @extend_schema(
        summary="Change a cluster",
        description="For admins. The last cluster takes what is left over: its pattern stays all `*`.",
        operation_id="clusters_edit",
        parameters=[IF_MATCH],
        request=ClusterChangeSerializer,
        responses={200: ClusterSerializer, **CHANGED},
        examples=[
            OpenApiExample("Wider", {"pattern": "A***B*", "reason": "Safety counts in both"}, request_only=True),
        ],
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change the name, the pattern or the colour, with a reason."""
        with transaction.atomic():
            row, given = self.known(pk), self.checked(ClusterChangeSerializer)
            reason = given.pop("reason")
            return self.answer(cluster_edit(cluster=row, actor=self.actor, changes=given, reason=reason))

    @extend_schema(
        summary="Delete a cluster",
        description="For admins. Its scenarios go to the next cluster that they fit; the last one, which takes all, "
        "stays.",
        operation_id="clusters_delete",
        parameters=[IF_MATCH, RemovalQuery],
        responses={204: DELETED, **CHANGED},
    )
    def destroy(self, request: Request, pk: int) -> Response:
        """Take it away, with a reason."""
        reason = checked_query(request, RemovalQuery)["reason"]
        with transaction.atomic():
            cluster_delete(cluster=self.known(pk), actor=self.actor, reason=reason)
        return Response(status=204)


def _etag(data: dict[str, Any]) -> str:
    return etag_of(sorted(data.items()))
