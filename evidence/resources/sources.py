"""The table of sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from import_export.instance_loaders import BaseInstanceLoader

from accounts.models import User
from evidence.duplicates import marks_of
from evidence.models import Source
from evidence.resources.base import TableResource
from evidence.resources.widgets import DateWidget, column
from evidence.services.sources import DETAILS, source_edit, source_new
from evidence.tables import Guess


class SourceLoader(BaseInstanceLoader):
    """Finds the stored publication of a row: by its key, else by its identifier or address however it is written."""

    resource: SourceResource

    def get_instance(self, row: Mapping[str, Any]) -> Source | None:
        """The row's publication; None for a new one, and where it is not one but several, which reading it tells."""
        keys = self.resource.keys_of(row)
        return self.resource.source_of(keys[0]) if len(keys) == 1 else None


class SourceResource(TableResource):
    """Rows of publications. A known key, identifier or address is a change, others are new.

    Empty cells leave what is stored as it is.
    """

    name_column = "key"
    columns_of_fields = {}

    key = column("key")
    title = column("title")
    authors = column("authors")
    publisher = column("publisher")
    source_type = column("source_type")
    publication_date = column("publication_date", DateWidget)
    url = column("url")
    identifier = column("identifier")

    class Meta:
        model = Source
        fields = ("key", *DETAILS)
        import_id_fields = ("key",)
        instance_loader_class = SourceLoader
        skip_diff = True
        report_skipped = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._first: dict[str, int] = {}

    def keys_of(self, row: Mapping[str, Any]) -> list[str]:
        """The keys of the stored publications that the row may mean."""
        key, url, identifier = (str(row.get(name) or "").strip() for name in ("key", "url", "identifier"))
        return [key] if key in self._sources else self._index.same(url=url, identifier=identifier)

    def source_of(self, key: str) -> Source:
        """The publication of that key, stored or of an earlier row."""
        return self._sources[key]

    def row_faults(self, number: int) -> Iterator[tuple[str, str]]:
        """The same publication twice, or two stored ones in one row."""
        keys = self.keys_of(self._row)
        if len(keys) > 1:
            yield "url", f"stands for more than one stored source: {' and '.join(sorted(keys))}"
        for key in keys:
            if first := self._first.get(key):
                yield "key", f"this publication is in row {self.number_in_file(first)} already"

    def write(self, instance: Source, number: int, *, actor: User, reason: str, is_create: bool) -> str:
        """Store the publication."""
        given = {field: self._row[field] for field in DETAILS if self._row.get(field)}
        if is_create:
            source = source_new(actor=actor, details=given, index=self._index)
            self.source_take(source, number)
            self._first[source.key] = number
            if (told := self._row["key"]) and told != source.key:
                self.warn(number, f"The key {told!r:.60} is not taken: its key is {source.key}.")
            return "created"
        told = {field: value for field, value in given.items() if not self._is_guess(field, instance)}
        changes = differing(instance, told)
        if changes:
            self.changes_note(number, instance, changes)
            how: dict[str, Any] = {"actor": actor, "reason": reason, "index": self._index}
            self.source_keep(source_edit(source=instance, changes=changes, **how))
        self._first[instance.key] = number  # not of a refused row, which takes nothing
        return "updated" if changes else "unchanged"

    def _is_guess(self, field: str, stored: Source) -> bool:
        """Whether the row's cell is a guess, and what the file itself says there agrees with what is stored."""
        cell = self._cells[field]
        return isinstance(cell, Guess) and str(getattr(stored, field)).startswith(cell.known)


def differing(stored: Source, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the given details those that change the source, and not only how its address or identifier is written."""
    marks = marks_of(url=stored.url, identifier=stored.identifier)
    found = {field: value for field, value in given.items() if getattr(stored, field) != value}
    for field in {"url", "identifier"} & found.keys():
        if getattr(stored, field) and marks_of(**{"url": "", "identifier": "", field: found[field]}) <= marks:
            del found[field]
    return found
