"""The table that evidence is imported from and exported to: one set of columns for API and admin.

A row is one item with its source in full. `status` and `quality` are told and never taken; a warning says where a
row has another status than its item.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import transaction
from import_export.fields import Field
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import ModelResource
from import_export.results import Result, RowResult
from import_export.widgets import Widget
from tablib import Dataset

from accounts.models import User
from evidence.duplicates import SourceIndex, marks_of
from evidence.models import Evidence, Hypothesis, Source
from evidence.models.assessments import CONTENT, SCORES
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.rules import Conflict
from evidence.services.sources import DETAILS, source_create, source_edit


class TextWidget(Widget):
    """Text; nothing is empty text."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        """Raises ValueError for what is no text."""
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {value!r:.60}")
        return value.strip()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """As it is: the file's format decides how values are written."""
        return value


class NumberWidget(TextWidget):
    """A number; nothing is none."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Raises ValueError for what is no finite number."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"must be a number, not {value!r:.60}")
        return number


class DateWidget(TextWidget):
    """A day, as YYYY-MM-DD."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Raises ValueError for what is no day."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"must be a day written YYYY-MM-DD, not {text!r:.60}") from None


_TYPES: Mapping[type[Widget], pa.DataType] = {
    TextWidget: pa.string(),
    NumberWidget: pa.float64(),
    DateWidget: pa.date32(),
}


def _column(attribute: str, widget: type[Widget] = TextWidget, *, readonly: bool = False) -> Field:
    return Field(attribute=attribute, widget=widget(), readonly=readonly)


SOURCE_COLUMNS = {"source_type": "source_type", **{f"source_{name}": name for name in DETAILS if name != "source_type"}}
"""Columns of the source, and the source's fields."""

_COLUMNS_OF_FIELDS = {"public_id": "id", **{field: column for column, field in SOURCE_COLUMNS.items()}}


COLUMNS = (
    "id", "hypothesis", "direction", *SCORES, "dependency_group", "description", "rationale", "source_title",
    "source_authors", "source_publisher", "source_type",
    "source_publication_date", "source_url", "source_identifier", "status", "quality",
)  # fmt: skip
"""In the order in which they are exported."""


class ItemLoader(BaseInstanceLoader):
    """Finds the stored items of a table's rows, all in one query."""

    def __init__(self, resource: EvidenceResource, dataset: Dataset) -> None:
        super().__init__(resource, dataset)
        ids = {_name(row) for row in dataset.dict}
        self._items = {item.public_id: item for item in resource.get_queryset().filter(public_id__in=ids - {""})}

    def get_instance(self, row: Mapping[str, Any]) -> Evidence | None:
        """The row's item; None for a new one."""
        return self._items.get(_name(row))


def _name(row: Mapping[str, Any]) -> str:
    """The row's id; none where the cell holds none, which reading the row will tell."""
    value = row.get("id")
    return value.strip() if isinstance(value, str) else ""


class EvidenceResource(ModelResource):
    """Rows of items. A new id, or none, is a new draft; a known one a change, under the rules of the services.

    Empty cells of a stored source leave it as it is. `import_data(dataset, user=..., reason=...)` writes as that
    user, for that reason; `outcomes` and `warnings` then tell, by row from 1, what became of the rows.
    """

    id = _column("public_id")
    hypothesis = _column("hypothesis__code")
    direction = _column("direction")
    strength = _column("strength", NumberWidget)
    authority = _column("authority", NumberWidget)
    methodology = _column("methodology", NumberWidget)
    recency = _column("recency", NumberWidget)
    replication = _column("replication", NumberWidget)
    dependency_group = _column("dependency_group")
    description = _column("description")
    rationale = _column("rationale")
    source_title = _column("source__title")
    source_authors = _column("source__authors")
    source_publisher = _column("source__publisher")
    source_type = _column("source__source_type")
    source_publication_date = _column("source__publication_date", DateWidget)
    source_url = _column("source__url")
    source_identifier = _column("source__identifier")
    status = _column("status", readonly=True)
    quality = _column("quality", NumberWidget, readonly=True)

    class Meta:
        model = Evidence
        fields = COLUMNS
        import_id_fields = ("id",)
        instance_loader_class = ItemLoader
        skip_diff = True
        report_skipped = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcomes: dict[int, str] = {}
        self.warnings: dict[int, list[str]] = {}

    @classmethod
    def types(cls) -> dict[str, pa.DataType]:
        """The type of each column in typed files."""
        return {name: _TYPES[type(field.widget)] for name, field in cls.fields.items()}

    def get_queryset(self) -> Any:
        """Items with what their rows tell."""
        return Evidence.objects.select_related("source", "hypothesis")

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Check the columns, and read once what all rows are compared with. Raises ValidationError."""
        headers = dataset.headers or []
        if unknown := [name for name in headers if name not in self.fields]:
            raise ValidationError(
                f"Unknown columns: {', '.join(map(str, unknown))}. Known are: {', '.join(self.fields)}."
            )
        if "id" not in headers:
            raise ValidationError("The column id is missing; it may be empty for new items.")
        self._hypotheses = {row.code: row for row in Hypothesis.objects.all()}
        self._sources = {row.key: row for row in Source.objects.all()}
        self._index = SourceIndex.of(self._sources.values())
        self._new_sources: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def import_instance(self, instance: Evidence, row: Mapping[str, Any], **kwargs: Any) -> None:
        """Read the row, all of it. Raises ValidationError by column."""
        errors: dict[str, str] = {}
        self._row: dict[str, Any] = {}
        for field in self.get_import_fields():
            if field.readonly or field.column_name not in row:
                continue
            try:
                self._row[field.column_name] = field.clean(row)
            except ValueError as error:
                errors[field.column_name] = str(error)
        if (code := self._row.get("hypothesis")) and code not in self._hypotheses:
            errors["hypothesis"] = f"unknown hypothesis {code!r:.40}; known are {', '.join(self._hypotheses)}"
        name, number = self._row.get("id"), kwargs["row_number"]
        if name and self._first.setdefault(name, number) != number:
            errors["id"] = f"{name} is in row {self._first[name]} already"
        if errors:
            raise ValidationError(errors)

    def validate_instance(
        self, instance: Evidence, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Only what was wrong with the row: the services check the rest."""
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance: Evidence, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Write the row by the services, whole or not at all. Raises ValidationError by column."""
        actor, reason, number = kwargs["user"], kwargs.get("reason", ""), kwargs["row_number"]
        try:
            with transaction.atomic():
                source, is_new = self._source(instance, actor, reason, is_create=is_create)
                outcome = self._write(instance, source, actor, reason, is_create=is_create)
        except ValidationError as error:
            raise ValidationError(
                {_COLUMNS_OF_FIELDS.get(field, field): found for field, found in error.update_error_dict({}).items()}
            ) from None
        except (Conflict, PermissionDenied) as error:
            raise ValidationError({NON_FIELD_ERRORS: str(error)}) from None
        if source is not None:
            before = self._sources.get(source.key)
            if outcome == "unchanged" and before is not None and before.version != source.version:
                outcome = "updated"
            self._sources[source.key] = source
            if is_new:
                self._index.add(source)
                self._new_sources[source.key] = number
        self.outcomes[number] = outcome
        told = row.get("status")
        if told and told != instance.status:  # a new instance is a draft
            words = f"The status {told!r:.60} is not taken: the item was {instance.status}; review changes it."
            self.warnings.setdefault(number, []).append(words)

    def after_import_row(self, row: Any, row_result: RowResult, **kwargs: Any) -> None:
        """Tell rows that changed nothing from others."""
        if self.outcomes.get(kwargs["row_number"]) == "unchanged":
            row_result.import_type = RowResult.IMPORT_TYPE_SKIP

    def after_import(self, dataset: Dataset, result: Result, **kwargs: Any) -> None:
        """Warn of new sources with almost the title of others."""
        titles = {key: self._sources[key].title for key in self._new_sources}
        for key, others in self._index.similar(titles).items():
            words = f"The title of the new source is almost that of {', '.join(others[:3])}."
            self.warnings.setdefault(self._new_sources[key], []).append(words)

    def _source(self, instance: Evidence, actor: User, reason: str, *, is_create: bool) -> tuple[Source | None, bool]:
        """The row's source, stored or changed as the row says, and whether it is new; None: as it was."""
        given = {field: self._row[column] for column, field in SOURCE_COLUMNS.items() if self._row.get(column)}
        url, identifier = given.get("url", ""), given.get("identifier", "")
        keys = self._index.same(url=url, identifier=identifier)
        if len(keys) > 1:
            raise ValidationError(
                {"source_url": f"stands for more than one stored source: {' and '.join(sorted(keys))}"}
            )
        if not url and not identifier:
            if is_create or given:
                raise ValidationError({"source_url": "a source needs an address or an identifier"})
            return None, False
        if not keys:
            return source_create(actor=actor, details=given, reason=reason, index=self._index), True
        stored = self._sources[keys[0]]
        marks = marks_of(url=stored.url, identifier=stored.identifier)
        if marks_of(url=url, identifier="") <= marks:
            given.pop("url", None)  # the same, perhaps written in another way
        if marks_of(url="", identifier=identifier) <= marks:
            given.pop("identifier", None)
        if all(getattr(stored, field) == value for field, value in given.items()):
            return stored, False
        return source_edit(source=stored, actor=actor, changes=given, reason=reason), False

    def _write(self, instance: Evidence, source: Source | None, actor: User, reason: str, *, is_create: bool) -> str:
        """Store the row's item, and say what that was: created, updated, revised or unchanged."""
        content = {field: self._row[field] for field in CONTENT if field in self._row}
        if "hypothesis" in content:
            content["hypothesis"] = self._hypotheses.get(content["hypothesis"])
        if source is not None:
            content["source"] = source
        if is_create:
            evidence_create(actor=actor, content=content, public_id=self._row["id"], reason=reason)
            return "created"
        changes = {field: value for field, value in content.items() if getattr(instance, field) != value}
        if not changes:
            return "unchanged"
        stored = evidence_edit(evidence=instance, actor=actor, changes=changes, reason=reason)
        if stored.version == instance.version:
            return "unchanged"
        return "updated" if all(getattr(stored, field) == value for field, value in changes.items()) else "revised"
