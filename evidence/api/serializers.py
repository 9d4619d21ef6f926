"""Evidence, sources and questions as JSON. They translate; the services hold the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.serializers import BodySerializer, PlannedRows
from evidence.choices import Direction, EvidenceStatus, SourceType
from evidence.duplicates import SOME, SourceIndex
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.models.items import PUBLIC_ID
from evidence.titles import alike, plain

QUALITY_SCORES = ("authority", "methodology", "recency", "replication")


def _score(words: str, **how: Any) -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=1, help_text=f"{words}, 0 to 1.", **how)


class QualityScoresSerializer(PlannedRows, BodySerializer):
    """How far a finding can be trusted."""

    authority = _score("Standing of the source")
    methodology = _score("Soundness of the method")
    recency = _score("Null: follows from the publication date", allow_null=True, required=False)
    replication = _score("Confirmation by others")


class SourceSerializer(PlannedRows, serializers.ModelSerializer):
    """A publication."""

    class Meta:
        model = Source
        fields = [
            "id", "key", "title", "authors", "publisher", "source_type", "publication_date", "url", "identifier",
            "version",
        ]  # fmt: skip


class SourceListSerializer(SourceSerializer):
    """A publication with the number of its items that the user may see."""

    items_count = serializers.IntegerField(source="number_of_items")

    class Meta(SourceSerializer.Meta):
        fields = [*SourceSerializer.Meta.fields, "items_count"]


class SourceWriteSerializer(SourceSerializer):
    """A publication as it was stored, with the keys of others that have almost its title."""

    similar = serializers.SerializerMethodField(help_text="Keys of publications with almost the same title.")

    class Meta(SourceSerializer.Meta):
        fields = [*SourceSerializer.Meta.fields, "similar"]

    def get_similar(self, source: Source) -> list[str]:
        """Compared with all other publications."""
        others = Source.objects.exclude(pk=source.pk).values_list("key", "title")
        return alike(plain(source.title), {key: plain(title) for key, title in others})[:SOME]


class SourceInputSerializer(BodySerializer):
    """What is known of a publication: an address or an identifier, or both."""

    title = serializers.CharField(max_length=500)
    authors = serializers.CharField(max_length=500, allow_blank=True, required=False)
    publisher = serializers.CharField(max_length=300, allow_blank=True, required=False)
    source_type = serializers.ChoiceField(SourceType.choices)
    publication_date = serializers.DateField(help_text="Day of first publication.")
    url = serializers.URLField(max_length=500, allow_blank=True, required=False)
    identifier = serializers.CharField(
        max_length=200, allow_blank=True, required=False, help_text="DOI, arXiv number or ISBN."
    )


class _ReasonSerializer(BodySerializer):
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="Why; kept in the history."
    )


class SourceCreateSerializer(SourceInputSerializer, _ReasonSerializer):
    """A new publication."""


class SourceEditSerializer(SourceInputSerializer, _ReasonSerializer):
    """Changes of a publication, with the reason."""


class HypothesisSerializer(serializers.ModelSerializer):
    """A question about the future."""

    class Meta:
        model = Hypothesis
        fields = [
            "code", "order", "label", "outcome_a", "outcome_b", "prior_probability", "initial_probability",
            "midpoint_year", "midpoint_sd", "speed", "version",
        ]  # fmt: skip
        read_only_fields = ["order"]  # its range is the database's


class HypothesisEditSerializer(_ReasonSerializer):
    """Changes of a question. Numbers are for admins and need a reason."""

    label = serializers.CharField(max_length=200)  # type: ignore[assignment]
    outcome_a = serializers.CharField(max_length=200)
    outcome_b = serializers.CharField(max_length=200)
    prior_probability = serializers.FloatField(help_text="Above 0 and below 1.")
    initial_probability = serializers.FloatField(help_text="Above 0 and below 1.")
    midpoint_year = serializers.FloatField(min_value=1850, max_value=2250)
    midpoint_sd = serializers.FloatField(min_value=0, max_value=20)
    speed = serializers.FloatField(max_value=5, help_text="Above 0.")


class _AssessmentSerializer(PlannedRows, serializers.ModelSerializer):
    hypothesis = serializers.CharField(source="hypothesis.code")
    quality_scores = QualityScoresSerializer(source="*")
    source = SourceSerializer()  # type: ignore[assignment] # a field of that name, not where a field comes from
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    updated_by = serializers.CharField(source="updated_by.username", default=None, allow_null=True)

    class Meta:
        fields = [
            "hypothesis", "direction", "strength", "quality_scores", "quality", "source", "description", "rationale",
            "dependency_group", "status", "created_at", "created_by", "updated_at", "updated_by",
        ]  # fmt: skip
        extra_kwargs = {name: {"default_timezone": UTC} for name in ("created_at", "updated_at", "reviewed_at")}


class RevisionSerializer(_AssessmentSerializer):
    """What an approved item is to say instead, while that is written or reviewed."""

    class Meta(_AssessmentSerializer.Meta):
        model = EvidenceRevision
        fields = [*_AssessmentSerializer.Meta.fields, "reason"]


class EvidenceSerializer(_AssessmentSerializer):
    """An item of evidence."""

    id = serializers.CharField(source="public_id")
    reviewed_by = serializers.CharField(source="reviewed_by.username", default=None, allow_null=True)
    revision = serializers.SerializerMethodField(help_text="For who may see drafts; null where none is open.")

    class Meta(_AssessmentSerializer.Meta):
        model = Evidence
        fields = [
            "id", *_AssessmentSerializer.Meta.fields, "reviewed_at", "reviewed_by", "review_reason", "version",
            "revision",
        ]  # fmt: skip

    @extend_schema_field(RevisionSerializer(allow_null=True))
    def get_revision(self, item: Evidence) -> Any:
        """The open revision that was loaded with the item, if any was."""
        opened = getattr(item, "open_revisions", ())
        return RevisionSerializer(opened[0]).data if opened else None


def _is_address(url: str) -> bool:
    try:
        URLValidator()(url)
    except ValidationError:
        return False
    return True


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "description": "Key, address or identifier of a stored source."},
            {
                "type": "object",
                "description": "A new source, as for POST /sources.",
                "required": ["title", "source_type", "publication_date"],
                "properties": {
                    "title": {"type": "string", "maxLength": 500},
                    "authors": {"type": "string", "maxLength": 500},
                    "publisher": {"type": "string", "maxLength": 300},
                    "source_type": {"type": "string", "enum": SourceType.values},
                    "publication_date": {"type": "string", "format": "date"},
                    "url": {"type": "string", "maxLength": 500},
                    "identifier": {"type": "string", "maxLength": 200},
                },
                "additionalProperties": False,
            },
        ]
    }
)
class SourceField(serializers.Field):
    """A stored source by its key, address or identifier; or the details of a new one."""

    default_error_messages = {
        "unknown": "There is no such source; give its details, or make it with POST /sources.",
        "address": "Is no valid address.",
        "ambiguous": "Stands for more than one stored source: {keys}.",
        "type": "Should be the key of a source, or an object with the details of a new one.",
    }

    def to_internal_value(self, data: Any) -> Source | dict[str, Any]:
        """The row, or checked details."""
        if isinstance(data, Mapping):
            details = SourceInputSerializer(data=data)
            details.is_valid(raise_exception=True)
            return dict(details.validated_data)
        if not isinstance(data, str):
            self.fail("type")
        if stored := Source.objects.filter(key=data).first():
            return stored
        url = data if "://" in data else ""
        if url and not _is_address(url):
            self.fail("address")
        keys = SourceIndex.of(Source.objects.all()).same(url=url, identifier=data)
        if len(keys) > 1:
            self.fail("ambiguous", keys=" and ".join(sorted(keys)))
        if not keys:
            self.fail("unknown")
        return Source.objects.get(key=keys[0])


@extend_schema_field(OpenApiTypes.STR)
class HypothesisField(serializers.Field):
    """A question by its code."""

    default_error_messages = {
        "unknown": "There is no such hypothesis; known are {known}.",
        "type": "Should be the code of a hypothesis, such as H1.",
    }

    def to_internal_value(self, data: Any) -> Hypothesis:
        """The row."""
        if not isinstance(data, str):
            self.fail("type")
        found = Hypothesis.objects.filter(code=data).first()
        if found is None:
            self.fail("unknown", known=", ".join(Hypothesis.objects.values_list("code", flat=True)))
        return found


class EvidenceInputSerializer(_ReasonSerializer):
    """What an item says."""

    hypothesis = HypothesisField(help_text="Code, such as H1.")
    direction = serializers.ChoiceField(Direction.choices, help_text="The outcome that it speaks for.")
    strength = _score("How far it speaks for that outcome")
    quality_scores = QualityScoresSerializer()
    source = SourceField()  # type: ignore[assignment]
    description = serializers.CharField(max_length=20_000, help_text="What the source found.")
    rationale = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    dependency_group = serializers.CharField(max_length=200, allow_blank=True, required=False)


class EvidenceCreateSerializer(EvidenceInputSerializer):
    """A new item."""

    id = serializers.RegexField(
        PUBLIC_ID.replace(r"\Z", "$"), required=False, help_text="Without it: the next number of the hypothesis."
    )


class ReasonSerializer(_ReasonSerializer):
    """Why a step of review is taken."""


class RequiredReasonSerializer(BodySerializer):
    """Why a step of review is taken, which has to be said."""

    reason = serializers.CharField(max_length=2000, help_text="Why; kept in the history.")


class FieldChangeSerializer(serializers.Serializer):
    """What a field was and became."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class HistoryEntrySerializer(serializers.Serializer):
    """One step in an item's history."""

    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True, help_text="Null: a command, or a deleted user.")
    reason = serializers.CharField()
    of = serializers.ChoiceField(["item", "revision"])
    event = serializers.ChoiceField(["created", "changed", "deleted"])
    status = serializers.ChoiceField(EvidenceStatus.choices)
    changes = FieldChangeSerializer(many=True)


class HistorySerializer(serializers.Serializer):
    """An item's history, the newest first."""

    history = HistoryEntrySerializer(many=True)
