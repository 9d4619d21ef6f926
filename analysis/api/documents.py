"""What endpoints of runs and studies answer, and its description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.policies import Asker, Scope, may
from analysis.choices import RunStatus
from analysis.models import AnalysisRun, Computation, RobustnessReport, SensitivityStudy
from analysis.services.turns import positions

SOCKET_PATH = "/ws/analysis/progress"
EVIDENCE_PARTS = ("evidence_summary",)
"""Of a result document: for who reads evidence."""
RANGE = frozenset({"nominal", "distribution", "q05", "q95", "low", "high"})
"""Of a parameter of a sensitivity study: tells the evidence's log-odds, and so is for who reads evidence, too."""
ADDRESSES: Mapping[type[Computation], str] = {
    AnalysisRun: "analysis",
    SensitivityStudy: "sensitivity",
    RobustnessReport: "robustness",
}
"""Names of the addresses of each kind."""


class ComputationSerializer(serializers.ModelSerializer):
    """What was asked, by whom, and how far it is."""

    owner = serializers.CharField(
        source="owner.username", allow_null=True, default=None, help_text="Null for the system's own."
    )
    cached = serializers.SerializerMethodField(help_text="Answered by a stored result: nothing was computed for it.")
    queue_position = serializers.SerializerMethodField(help_text="From 1, while it waits for a worker.")

    _places: Mapping[UUID, int] | None = None

    class Meta:
        fields = [
            "id", "name", "owner", "status", "queue_position", "error", "cached", "is_shared", "created_at",
            "queued_at", "started_at", "finished_at", "cancel_requested_at", "input_hash", "engine_version",
        ]  # fmt: skip

    def get_cached(self, computation: Computation) -> bool:
        """Whether the result was there already."""
        return computation.cached_from_id is not None

    def get_queue_position(self, computation: Computation) -> int | None:
        """Its place among all of its kind that wait."""
        if computation.status != RunStatus.QUEUED:
            return None
        if self._places is None:  # read once for a whole list, if anything in it waits
            self._places = positions(type(computation))
        return self._places.get(computation.pk)


class RunSerializer(ComputationSerializer):
    """A run and how far it is."""

    is_published = serializers.BooleanField(help_text="It is or was the baseline.")
    eta_seconds = serializers.SerializerMethodField()

    class Meta(ComputationSerializer.Meta):
        model = AnalysisRun
        fields = [
            *ComputationSerializer.Meta.fields, "iterations_total", "iterations_completed", "rate", "eta_seconds",
            "max_half_width", "is_published", "published_at",
        ]  # fmt: skip

    def get_eta_seconds(self, run: AnalysisRun) -> float | None:
        """Seconds left, for a run that is being worked on."""
        if run.status != RunStatus.RUNNING or not run.rate:
            return None
        return (run.iterations_total - run.iterations_completed) / run.rate


class ReportSerializer(ComputationSerializer):
    """A robustness report and how far it is."""

    request = serializers.JSONField(help_text="What was asked.")

    class Meta(ComputationSerializer.Meta):
        model = RobustnessReport
        fields = [*ComputationSerializer.Meta.fields, "steps_total", "steps_completed", "request"]


class StudySerializer(ReportSerializer):
    """A sensitivity study and how far it is."""

    class Meta(ReportSerializer.Meta):
        model = SensitivityStudy  # type: ignore[assignment] # of the same kind of row
        fields = [*ReportSerializer.Meta.fields, "method", "output"]


class AcceptedSerializer(serializers.Serializer):
    """What goes on, and how to follow it."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(RunStatus.choices)
    url = serializers.CharField(help_text="Where to ask how far it is.")
    result_url = serializers.CharField(help_text="Where the result will be.")
    hint = serializers.CharField(allow_blank=True, help_text="What it waits for, where that needs somebody.")


class AcceptedRunSerializer(AcceptedSerializer):
    """A run that goes on, and how to follow it."""

    run_id = serializers.UUIDField()
    socket_path = serializers.CharField(
        help_text='Where to be told: send {"action": "subscribe", "run_id": ...} on this WebSocket.'
    )


@extend_schema_field(OpenApiTypes.OBJECT)
class DocumentField(serializers.DictField):
    """A part of a document of the engine, described in words."""


class AnswerSerializer(serializers.Serializer):
    """A document of the engine, and of which computation it is."""

    id = serializers.UUIDField(help_text="Of the run, study or report.")
    cached = serializers.BooleanField(help_text="Answered by a stored result: nothing was computed for it.")
    schema = serializers.CharField(help_text="Name and version of the document.")
    computation_time = serializers.FloatField(help_text="Seconds that the computation took.")
    metadata = DocumentField(help_text="What it was computed from and with: input_hash, engine_version, ...")


class ScenarioIntervalSerializer(serializers.Serializer):
    """Spread of a scenario's probability, and the standard error of its mean."""

    sd = serializers.FloatField()
    mcse = serializers.FloatField()
    q05 = serializers.FloatField()
    q25 = serializers.FloatField()
    q50 = serializers.FloatField()
    q75 = serializers.FloatField()
    q95 = serializers.FloatField()


class ResultSerializer(AnswerSerializer):
    """The result document, `aifutures.result/1`."""

    run_id = serializers.UUIDField()
    scenario_probabilities = serializers.DictField(
        child=serializers.FloatField(), help_text="Mean at the target year by scenario."
    )
    scenario_intervals = serializers.DictField(child=ScenarioIntervalSerializer())
    hypothesis_intervals = DocumentField(help_text="P(A) at the target year: mean, mcse and quantiles by hypothesis.")
    temporal_evolution = serializers.ListField(
        child=DocumentField(),
        help_text="For every year: scenarios, intervals, hypotheses, clusters, cluster_intervals, entropy_bits, "
        "most_likely.",
    )
    clusters = DocumentField(help_text="`named` families, and those that the data suggest.")
    convergence = DocumentField(help_text="converged, iterations, threshold, max_half_width, trace.")
    evidence_summary = DocumentField(
        required=False, help_text="What each hypothesis rests on; for who holds read:evidence."
    )


class SensitivitySerializer(AnswerSerializer):
    """The study's document, `aifutures.sensitivity/1`: the parts depend on the method."""

    method = serializers.CharField()
    output = serializers.CharField(help_text="The number that is explained.")
    parameters = serializers.ListField(
        child=DocumentField(), help_text="What was varied; for who holds read:evidence, over which range as well."
    )
    groups = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    ranking = serializers.JSONField(help_text="Parameters, the most influential first.")
    distribution = DocumentField(required=False, help_text="How the output spreads over the design.")
    constant = serializers.BooleanField(required=False, help_text="sobol: the output does not vary at all.")
    first_order = serializers.DictField(child=DocumentField(), required=False, help_text="sobol")
    total_order = serializers.DictField(child=DocumentField(), required=False, help_text="sobol")
    interactions = serializers.ListField(child=DocumentField(), required=False, help_text="sobol: second order.")
    mu = serializers.DictField(child=serializers.FloatField(), required=False, help_text="morris")
    mu_star = serializers.DictField(child=DocumentField(), required=False, help_text="morris")
    sigma = serializers.DictField(child=serializers.FloatField(), required=False, help_text="morris")
    nominal = serializers.FloatField(required=False, help_text="local: the output at the nominal values.")
    derivative = DocumentField(required=False, help_text="local")
    elasticity = DocumentField(required=False, help_text="local")
    swings = serializers.DictField(child=DocumentField(), required=False, help_text="local: the tornado.")


class RobustnessSerializer(AnswerSerializer):
    """The report's document, `aifutures.robustness/1`."""


def readable_result(result: Mapping[str, Any], user: Asker) -> dict[str, Any]:
    """A result document without the parts that the user may not read."""
    if may(user, Scope.READ_EVIDENCE):
        return dict(result)
    shown = {key: value for key, value in result.items() if key not in EVIDENCE_PARTS}
    if "parameters" in shown:
        shown["parameters"] = [_without_range(each) for each in shown["parameters"]]
    if "swings" in shown:
        shown["swings"] = {name: _without_range(each) for name, each in shown["swings"].items()}
    return shown


def _without_range(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameter.items() if key not in RANGE}


def result_answer(computation: Computation, user: Asker) -> dict[str, Any]:
    """The document of what has ended well, as the user may read it, and of what it is."""
    pk = str(computation.pk)
    also = {"run_id": pk} if isinstance(computation, AnalysisRun) else {}
    whose = {"id": pk, **also, "cached": computation.cached_from_id is not None}
    return whose | readable_result(computation.result_document or {}, user)


def accepted(computation: Computation, hint: str) -> dict[str, Any]:
    """What a client is told about a computation that goes on."""
    pk = str(computation.pk)
    also = {"run_id": pk, "socket_path": SOCKET_PATH} if isinstance(computation, AnalysisRun) else {}
    url, result_url = address(computation), address(computation, "result")
    return {"id": pk, **also, "status": computation.status, "url": url, "result_url": result_url, "hint": hint}


def address(computation: Computation, part: str = "") -> str:
    """Where a computation, or a part of it (`result`), is."""
    name = ADDRESSES[type(computation)]
    return reverse(f"api:{name}-{part or 'detail'}", args=[computation.pk])
