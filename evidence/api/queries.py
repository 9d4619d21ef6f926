"""What lists can be narrowed by and sorted by."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import StrictSerializer
from evidence.choices import Direction, EvidenceStatus, SourceType
from evidence.tables import TableFormat

EVIDENCE_ORDER = {
    "id": "public_id",
    "title": "source__title",
    "hypothesis": "hypothesis__order",
    "direction": "direction",
    "strength": "strength",
    "quality": "quality",
    "weight": "weight",
    "status": "status",
    "published": "source__publication_date",
    "created": "created_at",
    "updated": "updated_at",
}
SOURCE_ORDER = {"title": "title", "published": "publication_date", "type": "source_type", "id": "id"}


class OrderingField(serializers.CharField):
    """Names from a list, separated by commas, each with `-` before it for the other direction; as a queryset's."""

    def __init__(self, names: dict[str, str], **how: Any) -> None:
        self.names = names
        words = f"Separated by commas; `-` before a name for the other direction. Names: {', '.join(names)}."
        super().__init__(required=False, max_length=200, help_text=words, **how)

    def to_internal_value(self, data: Any) -> tuple[str, ...]:  # type: ignore[override]
        """Names of model fields."""
        given = super().to_internal_value(data).split(",")
        plain = [name.strip().removeprefix("-") for name in given]
        if unknown := [name for name in plain if name not in self.names]:
            raise serializers.ValidationError(f"Unknown: {unknown[0]!r:.40}; known are {', '.join(self.names)}.")
        if len(set(plain)) < len(plain):
            raise serializers.ValidationError("Each name once.")
        return tuple(
            f"{'-' if name.strip().startswith('-') else ''}{self.names[bare]}"
            for name, bare in zip(given, plain, strict=True)
        )


class EvidenceFilterSerializer(StrictSerializer):
    """Which items."""

    hypothesis = serializers.CharField(required=False, max_length=16, help_text="Code, such as H1.")
    min_quality = serializers.FloatField(
        required=False, min_value=0, max_value=1, help_text="The least quality that an item has."
    )
    direction = serializers.ChoiceField(Direction.choices, required=False)
    status = serializers.ChoiceField(EvidenceStatus.choices, required=False)
    source_type = serializers.ChoiceField(SourceType.choices, required=False)
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=500, help_text="Key of a source."
    )
    dependency_group = serializers.CharField(required=False, max_length=200, help_text="Items that share a ground.")
    published_after = serializers.DateField(required=False, help_text="On that day or later.")
    published_before = serializers.DateField(required=False, help_text="On that day or earlier.")
    q = serializers.CharField(required=False, max_length=200, help_text="Words that all occur in the item's texts.")


class EvidenceListQuery(EvidenceFilterSerializer):
    """Which items, and in which order."""

    ordering = OrderingField(EVIDENCE_ORDER)


class EvidenceExportQuery(EvidenceFilterSerializer):
    """Which items, and as what."""

    format = serializers.ChoiceField([each.value for each in TableFormat], default=TableFormat.CSV.value)


class EvidenceImportQuery(StrictSerializer):
    """How a table is imported."""

    dry_run = serializers.BooleanField(default=False, help_text="Tell what would happen; write nothing.")
    partial = serializers.BooleanField(  # type: ignore[assignment]
        default=False, help_text="Write the right rows even where others are wrong."
    )
    reason = serializers.CharField(
        default="", max_length=2000, allow_blank=True, help_text="Why; needed for changes of what weighs."
    )


class DeleteQuery(StrictSerializer):
    """Why it is deleted."""

    reason = serializers.CharField(default="", max_length=2000, allow_blank=True, help_text="Why; kept in the history.")


class SourceListQuery(StrictSerializer):
    """Which publications, and in which order."""

    source_type = serializers.ChoiceField(SourceType.choices, required=False)
    q = serializers.CharField(required=False, max_length=200, help_text="Words that all occur in the source's texts.")
    ordering = OrderingField(SOURCE_ORDER)
