"""What sensitivity studies and robustness reports are asked with, and how they begin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.serializers import BodySerializer
from accounts.policies import Asker
from analysis.api.computations import visible
from analysis.api.parameters import NAME, faulty
from analysis.api.submission import Wish
from analysis.choices import StudyMethod
from analysis.engine.faults import Fault, ModelError
from analysis.engine.sensitivity.outputs import FORMS
from analysis.engine.spec import ModelDocument, parse_model
from analysis.models import RobustnessReport, SensitivityStudy
from analysis.selectors import baseline_run, run_list
from analysis.services.model_documents import model_document_build
from analysis.services.studies import report_create, study_create

_PARAMETER = {
    "oneOf": [
        {"type": "string", "description": "A name, or a pattern such as `influence:*>H6*`."},
        {
            "type": "object",
            "required": ["name", "low", "high"],
            "properties": {"name": {"type": "string"}, "low": {"type": "number"}, "high": {"type": "number"}},
            "additionalProperties": False,
        },
    ]
}


@extend_schema_field(_PARAMETER)
class ParameterField(serializers.JSONField):
    """A parameter by name or pattern, or with a range; the engine knows which there are."""


@extend_schema_field({"type": "object", "description": "A model document, `aifutures.model/1`."})
class ModelField(serializers.JSONField):
    """A whole model document."""


class _SubjectSerializer(BodySerializer):
    run = serializers.UUIDField(required=False, help_text="A run that you may see: its model.")
    model_document = ModelField(required=False, help_text="A model of your own, instead of a run's.")
    name = serializers.RegexField(NAME, default="", allow_blank=True, max_length=200)
    fresh = serializers.BooleanField(default=False, help_text="Compute anew, also what has a stored answer.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Not both a run and a model."""
        if "run" in attrs and "model_document" in attrs:
            raise serializers.ValidationError({"model_document": "Give a run or a model document, not both."})
        return attrs


class StudyInputSerializer(_SubjectSerializer):
    """A sensitivity study. Without a run or model it is about the baseline."""

    method = serializers.ChoiceField(StudyMethod.choices)
    parameters = serializers.ListField(
        child=ParameterField(),
        required=False,
        min_length=1,
        max_length=500,
        help_text="By default all that a run draws and, but for the value of information, the strength multiplier.",
    )
    output = serializers.CharField(
        required=False, max_length=200, help_text=f"{FORMS}; by default the entropy of the target year."
    )
    samples = serializers.IntegerField(
        required=False, help_text="Base points (sobol, value_of_information: a power of two) or trajectories (morris)."
    )
    groups = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=200)),
        required=False,
        help_text="Parameters (names or patterns) that are varied together, by the name of their group.",
    )
    second_order = serializers.BooleanField(required=False, help_text="sobol: interactions as well.")
    levels = serializers.IntegerField(required=False, help_text="morris: levels of each parameter's grid.")
    resamples = serializers.IntegerField(required=False, help_text="Bootstrap resamples of confidence intervals.")
    confidence = serializers.FloatField(required=False, help_text="Level of confidence intervals.")
    seed = serializers.IntegerField(required=False)


class ReportInputSerializer(_SubjectSerializer):
    """A robustness report. Without a run or model it is about the baseline."""

    iterations = serializers.IntegerField(
        required=False, help_text="Of each of its runs; by default 65,536, or as many as the model allows."
    )


def study_new(wish: Wish) -> SensitivityStudy:
    """The study that is asked for. Raises ValidationError, ModelError, Http404."""
    given = _checked(StudyInputSerializer, wish)
    document, name, fresh = _subject(given, wish.user), given.pop("name"), given.pop("fresh")
    return study_create(
        document=document,
        request=given,
        owner=wish.user,
        name=name,
        fresh=fresh,
        study_id=wish.pk,
        admit=wish.admit,
    )


def report_new(wish: Wish) -> RobustnessReport:
    """The report that is asked for. Raises ValidationError, ModelError, Http404."""
    given = _checked(ReportInputSerializer, wish)
    document = _subject(given, wish.user)
    return report_create(document=document, owner=wish.user, report_id=wish.pk, admit=wish.admit, **given)


def _checked(serializer_class: type[_SubjectSerializer], wish: Wish) -> dict[str, Any]:
    serializer = serializer_class(data=wish.body)
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def _subject(given: dict[str, Any], user: Asker) -> ModelDocument:
    """The model that is asked about, taken out of what is given."""
    if "model_document" in given:
        return _own_model(given.pop("model_document"))
    run_id: UUID | None = given.pop("run", None)
    run = baseline_run() if run_id is None else visible(run_list(user=user), run_id)
    return model_document_build() if run is None else parse_model(run.model_document)


def _own_model(given: Any) -> ModelDocument:
    try:
        if not isinstance(given, dict):
            raise ModelError([Fault("", "must be an object")])
        return parse_model(given)
    except ModelError as error:
        found = ((f"model_document.{fault.path}".rstrip("."), fault.message) for fault in error.faults)
        raise faulty(found) from None
