"""The table of items of evidence.

A row is one item with its source in full. `status` and `quality` are told and never taken; a warning says where a
row has another status than its item.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from import_export.instance_loaders import BaseInstanceLoader
from tablib import Dataset

from accounts.models import User
from evidence.choices import EvidenceStatus
from evidence.models import Evidence, Hypothesis, Source
from evidence.models.assessments import CONTENT, SCORES
from evidence.resources.base import TableResource
from evidence.resources.sources import differing
from evidence.resources.widgets import DateWidget, NumberWidget, column
from evidence.services.items import ItemNames, evidence_edit, evidence_new, evidence_store
from evidence.services.sources import DETAILS, source_edit, source_new, sources_store

SOURCE_COLUMNS = {"source_type": "source_type", **{f"source_{name}": name for name in DETAILS if name != "source_type"}}
"""Columns of the source, and the source's fields."""

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
        ids = {_name(row) for row in dataset.dict} - {""}
        items = resource.get_queryset().filter(public_id__in=ids).with_open_revision()
        self._items = {item.public_id: item for item in items}

    def get_instance(self, row: Mapping[str, Any]) -> Evidence | None:
        """The row's item; None for a new one."""
        return self._items.get(_name(row))


def _name(row: Mapping[str, Any]) -> str:
    """The row's id; none where the cell holds what can be none, which reading the row will tell."""
    value = row.get("id")
    return value.strip() if isinstance(value, str) and "\x00" not in value else ""


class EvidenceResource(TableResource):
    """Rows of items. A new id, or none, is a new draft; a known one a change, under the rules of the services.

    Empty cells of a stored source leave it as it is.
    """

    name_column = "id"
    columns_of_fields = {"public_id": "id", **{field: column for column, field in SOURCE_COLUMNS.items()}}

    id = column("public_id")
    hypothesis = column("hypothesis__code")
    direction = column("direction")
    strength = column("strength", NumberWidget)
    authority = column("authority", NumberWidget)
    methodology = column("methodology", NumberWidget)
    recency = column("recency", NumberWidget)
    replication = column("replication", NumberWidget)
    dependency_group = column("dependency_group")
    description = column("description")
    rationale = column("rationale")
    source_title = column("source__title")
    source_authors = column("source__authors")
    source_publisher = column("source__publisher")
    source_type = column("source__source_type")
    source_publication_date = column("source__publication_date", DateWidget)
    source_url = column("source__url")
    source_identifier = column("source__identifier")
    status = column("status", readonly=True)
    quality = column("quality", NumberWidget, readonly=True)

    class Meta:
        model = Evidence
        fields = COLUMNS
        import_id_fields = ("id",)
        instance_loader_class = ItemLoader
        skip_diff = True
        report_skipped = True

    def get_queryset(self) -> Any:
        """Items with what their rows tell."""
        return Evidence.objects.select_related("source", "hypothesis")

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Check the columns, and read once what all rows are compared with. Raises ValidationError."""
        super().before_import(dataset, **kwargs)
        self._hypotheses = {row.code: row for row in Hypothesis.objects.all()}
        self._names = (ItemNames.of if self.tries else ItemNames.held)(self._hypotheses.values())
        self._names.reserve(_name(row) for row in dataset.dict)
        self._findings = _stored_findings(dataset)
        self._first: dict[str, int] = {}
        self._new_items: list[Evidence] = []

    def row_faults(self, number: int) -> Iterator[tuple[str, str]]:
        """An unknown hypothesis, or the same id twice."""
        if (code := self._row.get("hypothesis")) and code not in self._hypotheses:
            yield "hypothesis", f"unknown hypothesis {code!r:.40}; known are {', '.join(self._hypotheses)}"
        name = self._row.get("id")
        if name and (first := self._first.get(name)):
            yield "id", f"{name} is in row {self.number_in_file(first)} already"

    def value_faults(self) -> Iterator[tuple[str, str]]:
        """A direction that is none, and scores out of range."""
        for field in Evidence._meta.fields:
            if field.name in {"direction", *SCORES} and (value := self._row.get(field.name)) is not None:
                try:
                    field.clean(value, None)
                except ValidationError as error:
                    yield field.name, " ".join(error.messages)

    def write(self, instance: Evidence, number: int, *, actor: User, reason: str, is_create: bool) -> str:
        """Store the row's source and item, or take them among the new ones."""
        who: dict[str, Any] = {"actor": actor, "reason": reason}
        stored, given = self._source(is_create=is_create)
        changes = differing(stored, given) if stored else {}
        if stored is not None and stored._state.adding and (changes or not is_create):
            self.new_rows_store(**who)  # before the savepoint: it takes nothing back of earlier rows
        is_new = stored is None and bool(given)
        source = source_new(actor=actor, details=given, index=self._index) if is_new else stored
        with transaction.atomic() if changes or not is_create else nullcontext():
            if source is not None and changes:
                self.changes_note(number, source, changes)
                source = source_edit(source=source, changes=changes, index=self._index, **who)
            elif source is not None and source._state.adding and not is_create:
                sources_store(sources=[source], **who)
            outcome = self._create(source, number, actor) if is_create else self._edit(instance, source, number, **who)
        if source is not None and is_new:
            self.source_take(source, number)
        elif source is not None and changes:
            self.source_keep(source)
        return "updated" if changes and outcome == "unchanged" else outcome

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """As of all tables; and say where the row tells a status that the item does not have."""
        super().save_instance(instance, is_create, row, **kwargs)
        self._first[self._row["id"]] = kwargs["row_number"]  # not of a refused row, which takes nothing
        told = row.get("status")
        if told and told != instance.status:  # a new instance is a draft
            words = f"The status {told!r:.60} is not taken: the item was {instance.status}; review changes it."
            self.warn(kwargs["row_number"], words)

    def new_rows_store(self, *, actor: User, reason: str) -> None:
        """Store new sources, then the items that may come from them."""
        super().new_rows_store(actor=actor, reason=reason)
        evidence_store(items=self._new_items, actor=actor, reason=reason)
        self._new_items = []

    def _source(self, *, is_create: bool) -> tuple[Source | None, dict[str, Any]]:
        """The known source that the row means, and what the row says of it. Raises ValidationError by field."""
        given = {field: self._row[column] for column, field in SOURCE_COLUMNS.items() if self._row.get(column)}
        url, identifier = given.get("url", ""), given.get("identifier", "")
        keys = self._index.same(url=url, identifier=identifier)
        if len(keys) > 1:
            raise ValidationError({"url": f"stands for more than one stored source: {' and '.join(sorted(keys))}"})
        if not url and not identifier and (is_create or given):
            raise ValidationError({"url": "a source needs an address or an identifier"})
        return (self._sources[keys[0]] if keys else None), given

    def _content(self, source: Source | None) -> dict[str, Any]:
        """What the row says of its item."""
        content = {field: self._row[field] for field in CONTENT if field in self._row}
        if "hypothesis" in content:
            content["hypothesis"] = self._hypotheses.get(content["hypothesis"])
        return content if source is None else {**content, "source": source}

    def _create(self, source: Source | None, number: int, actor: User) -> str:
        """Take the row's item among the new ones, and warn where another says the same."""
        content = self._content(source)
        item = evidence_new(actor=actor, content=content, public_id=self._row["id"], names=self._names)
        self._new_items.append(item)
        finding = _finding(item.hypothesis.code, item.source.key, item.description)
        if known := self._findings.get(finding):
            self.warn(number, f"The same finding of this source is {known} already.")
        self._findings.setdefault(finding, f"row {self.number_in_file(number)}")
        return "created"

    def _edit(self, item: Evidence, source: Source | None, number: int, *, actor: User, reason: str) -> str:
        """Change the row's item, and say what that was: updated, revised or unchanged.

        What the row says otherwise than an approved item goes to its open revision, which may say something else still.
        """
        draft = (item.open_revision if item.status == EvidenceStatus.APPROVED else None) or item
        content = self._content(source)
        changes = {field: value for field, value in content.items() if not _same(getattr(item, field), value)}
        if not changes:
            return "unchanged"
        stored = evidence_edit(evidence=item, actor=actor, changes=changes, reason=reason)
        if stored.version == item.version:
            return "unchanged"
        told = {field: value for field, value in changes.items() if not _same(getattr(draft, field), value)}
        self.changes_note(number, draft, told)
        if draft is not item:
            self.warn(number, f"The open revision of {item} takes the change, and is a draft then.")
        return "updated" if all(getattr(stored, field) == value for field, value in changes.items()) else "revised"


def _stored_findings(dataset: Dataset) -> dict[tuple[str, ...], str]:
    """The ids of stored items that may say what a row says, by what they say."""
    texts = {_plain(str(row.get("description") or "")) for row in dataset.dict}
    rows = Evidence.objects.order_by("-pk").values_list("hypothesis__code", "source__key", "description", "public_id")
    return {_finding(*said): name for *said, name in rows.iterator() if _plain(said[-1]) in texts}


def _finding(hypothesis: str, source: str, description: str) -> tuple[str, ...]:
    """What two items that say the same have in common."""
    return hypothesis, source, _plain(description)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _same(stored: Any, given: Any) -> bool:
    """Whether the row tells nothing new. Of numbers, spreadsheet programs keep 15 digits."""
    if isinstance(stored, float) and isinstance(given, float):
        return math.isclose(stored, given, rel_tol=1e-14)
    return bool(stored == given)
