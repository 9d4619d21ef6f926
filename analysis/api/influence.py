"""What a piece of evidence does to a result, and what the evidence does for a hypothesis."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.api.plain import endpoint
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.policies import Scope
from analysis.api.derived import ANSWERS, PARAMETERS, WORDS, RunQuerySerializer, derived, subject_run
from analysis.api.documents import DocumentField
from analysis.engine.sensitivity.outputs import FORMS, parse_output
from analysis.engine.spec import ModelError, parse_model
from analysis.models import AnalysisRun
from analysis.services.derived import INFLUENCE, Question, told_by
from evidence.models import Evidence, Hypothesis


class InfluenceQuerySerializer(RunQuerySerializer):
    """Of which run, and on what."""

    output = serializers.CharField(
        required=False, max_length=200, help_text=f"{FORMS}; by default the entropy of the target year."
    )


class _AboutRunSerializer(serializers.Serializer):
    run_id = serializers.UUIDField(help_text="Of the run whose evidence is left out, a part at a time.")
    output = serializers.CharField(help_text="The number beside the hypotheses.")
    year = serializers.IntegerField()
    base = DocumentField(help_text="The output and P(A) of each hypothesis with all evidence.")


class EffectSerializer(serializers.Serializer):
    """What changes when an item, a source or a dependency group is left out: "left out" minus "as it is"."""

    kind = serializers.ChoiceField(["item", "source", "group"])
    id = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    items = serializers.ListField(child=DocumentField())
    log_odds = serializers.DictField(child=serializers.FloatField(), help_text="Change of the posterior in nats.")
    output = DocumentField(help_text="without, change, half_width (95 %).")
    hypotheses = serializers.DictField(child=DocumentField())
    words = serializers.ListField(child=serializers.CharField())


class EvidenceInfluenceSerializer(_AboutRunSerializer):
    """What an item does, and its source and dependency group as a whole."""

    evidence_id = serializers.CharField()
    counts = serializers.BooleanField(help_text="Whether the run uses it.")
    reason = serializers.CharField(allow_null=True, help_text="Why the run does not use it.")
    item = EffectSerializer(allow_null=True)
    source = EffectSerializer(allow_null=True)  # type: ignore[assignment] # a field of that name
    group = EffectSerializer(allow_null=True)


class HypothesisInfluenceSerializer(_AboutRunSerializer):
    """What the evidence does for a hypothesis, the strongest effects first."""

    hypothesis = serializers.CharField()
    dependence = DocumentField(help_text="The source it hangs on most, and whether it hangs on that one.")
    items = serializers.ListField(child=EffectSerializer())
    sources = serializers.ListField(child=EffectSerializer())
    groups = serializers.ListField(child=EffectSerializer())


class EvidenceInfluenceDescription(ScopedView):
    """An item."""

    path_words = {"public_id": "Id of the item, such as H1-001."}
    scopes = {"get": Scope.READ_EVIDENCE}
    costs = {"get": Cost.ANALYSIS_RUNS}

    @extend_schema(
        summary="See what an item does to the result",
        description=f"Leave-one-out effects of the item, of its source and of its dependency group. {WORDS}",
        operation_id="evidence_influence",
        parameters=[InfluenceQuerySerializer, *PARAMETERS],
        responses={200: EvidenceInfluenceSerializer, **ANSWERS},
    )
    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        """The effects."""
        raise NotImplementedError


class HypothesisInfluenceDescription(ScopedView):
    """A hypothesis."""

    path_words = {"code": "Code of the hypothesis, such as H1."}
    scopes = {"get": Scope.READ_EVIDENCE}
    costs = {"get": Cost.ANALYSIS_RUNS}

    @extend_schema(
        summary="See what the evidence does for a hypothesis",
        description=f"Leave-one-out effects of all items, sources and groups that speak of it. {WORDS}",
        operation_id="hypotheses_influence",
        parameters=[InfluenceQuerySerializer, *PARAMETERS],
        responses={200: HypothesisInfluenceSerializer, **ANSWERS},
    )
    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """The effects."""
        raise NotImplementedError


@endpoint(scope=Scope.READ_EVIDENCE, described_by=EvidenceInfluenceDescription)
async def of_evidence(request: HttpRequest, public_id: str) -> HttpResponse:
    """What an item does."""

    def ask() -> tuple[Question, tuple[AnalysisRun, Evidence]]:
        item = get_object_or_404(
            Evidence.objects.visible_to(request.user).select_related("source"), public_id=public_id
        )
        question, run = _question(request)
        return question, (run, item)

    def show(document: dict[str, Any], sought: tuple[AnalysisRun, Evidence]) -> dict[str, Any]:
        run, item = sought
        effects = {
            "item": _of(document["items"], public_id),
            "source": _of(document["sources"], item.source.key),
            "group": _of(document["groups"], item.dependency_group),
        }
        reasons = {each["id"]: each["reason"] for each in document["left_out_already"]}
        counts = effects["item"] is not None
        reason = None if counts else reasons.get(public_id, "It is not in the run's model.")
        return {**_about(document, run), "evidence_id": public_id, "counts": counts, "reason": reason, **effects}

    return await derived(request, ask, show)


@endpoint(scope=Scope.READ_EVIDENCE, described_by=HypothesisInfluenceDescription)
async def of_hypothesis(request: HttpRequest, code: str) -> HttpResponse:
    """What the evidence does for a hypothesis."""

    def ask() -> tuple[Question, AnalysisRun]:
        get_object_or_404(Hypothesis.objects.visible_to(request.user), code=code)
        return _question(request)

    def show(document: dict[str, Any], run: AnalysisRun) -> dict[str, Any]:
        return {
            **_about(document, run),
            "hypothesis": code,
            "dependence": document["hypotheses"].get(code),
            **{kind: _on(document[kind], code) for kind in ("items", "sources", "groups")},
        }

    return await derived(request, ask, show)


def _question(request: HttpRequest) -> tuple[Question, AnalysisRun]:
    query = InfluenceQuerySerializer(data=request.GET.dict())
    query.is_valid(raise_exception=True)
    run = subject_run(request, query.validated_data.get("run"))
    try:
        output = parse_output(parse_model(run.model_document), query.validated_data.get("output")).name
    except ModelError as error:
        raise serializers.ValidationError({"output": [fault.message for fault in error.faults]}) from None
    return Question(INFLUENCE, (str(told_by(run).pk), output)), run


def _about(document: dict[str, Any], run: AnalysisRun) -> dict[str, Any]:
    return {"run_id": str(run.pk), **{key: document[key] for key in ("output", "year", "base")}}


def _of(effects: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The effect of that name."""
    return next((effect for effect in effects if effect["id"] == name), None)


def _on(effects: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    """Effects of what speaks of a hypothesis, the strongest first."""
    about = [effect for effect in effects if code in effect["log_odds"]]
    return sorted(about, key=lambda effect: -abs(effect["log_odds"][code]))
