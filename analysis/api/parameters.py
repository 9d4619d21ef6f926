"""What a run can be asked to be (INTERFACES.md, POST /analysis/run)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from rest_framework import serializers

from accounts.api.serializers import BodySerializer
from analysis.choices import Outcome
from analysis.engine.faults import ModelError
from analysis.engine.spec import CausalModel, DType, Sampler

NAME = r"^[^\x00-\x1f\x7f]*$"
"""One line of text."""
CODE = 16
"""Characters of the longest code of a hypothesis."""


class AssignmentSerializer(BodySerializer):
    """A hypothesis set to, or seen in, an outcome from a year on."""

    hypothesis = serializers.CharField(max_length=CODE)
    outcome = serializers.ChoiceField(Outcome.values)
    from_year = serializers.IntegerField()


def _numbers(words: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.FloatField(), required=False, help_text=words)


class OverridesSerializer(BodySerializer):
    """Numbers in the place of the model's, by hypothesis (`H1`) or influence (`H2A>H4B`)."""

    priors = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="P(A) before the evidence."
    )
    posteriors = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="P(A) after the evidence."
    )
    strengths = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="Nats of log-odds, 0 to 1."
    )
    midpoints = serializers.DictField(child=serializers.FloatField(), required=False, help_text="Calendar years.")
    strength_multiplier = serializers.FloatField(required=False, help_text="For all influences, 0 to 10.")


class SuppositionsSerializer(BodySerializer):
    """What is supposed to be otherwise."""

    overrides = OverridesSerializer(required=False)
    interventions = AssignmentSerializer(many=True, required=False, help_text="do(...): set from outside.")
    observations = AssignmentSerializer(many=True, required=False, help_text="Seen, and so evidence about all else.")


class EvidenceFilterSerializer(BodySerializer):
    """Which evidence counts; what is left out or null filters nothing."""

    quality_min = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    sources = serializers.ListField(
        child=serializers.CharField(max_length=2000), required=False, max_length=1000, help_text="Keys of sources."
    )
    hypothesis = serializers.CharField(required=False, allow_null=True, max_length=CODE)


class RunInputSerializer(SuppositionsSerializer):
    """A run. Whatever is left out is taken from the configuration."""

    iterations = serializers.IntegerField(required=False, help_text="Rounded up to a multiple of 4,096.")
    evidence_filter = EvidenceFilterSerializer(required=False, allow_null=True)
    seed = serializers.IntegerField(required=False)
    sampler = serializers.ChoiceField(get_args(Sampler), required=False)
    dtype = serializers.ChoiceField(get_args(DType), required=False)
    model = serializers.ChoiceField(get_args(CausalModel), required=False, help_text="The causal model.")
    target_year = serializers.IntegerField(required=False, allow_null=True)
    stop_when_converged = serializers.BooleanField(required=False)
    hypotheses = serializers.ListField(
        child=serializers.CharField(max_length=CODE),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=64,
        help_text="Those to report; the others are summed over.",
    )
    fresh = serializers.BooleanField(default=False, help_text="Compute anew, also what has a stored answer.")
    name = serializers.RegexField(NAME, default="", allow_blank=True, max_length=200)


def invalid(error: ModelError) -> serializers.ValidationError:
    """The engine's findings as problem details, at the paths of the request's own fields."""
    return faulty((_path(fault.path), fault.message) for fault in error.faults)


def faulty(found: Iterable[tuple[str, str]]) -> serializers.ValidationError:
    """Problem details from paths and messages."""
    detail: dict[str, list[str]] = {}
    for path, message in found:
        detail.setdefault(path or "non_field_errors", []).append(message)
    return serializers.ValidationError(detail)


def _path(path: str) -> str:
    if path == "settings.causal_network.model":
        return "model"
    return path.removeprefix("run.")
