"""What reading any table of curated objects takes: its columns, its rows, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, ClassVar

import pyarrow as pa
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import models
from import_export.resources import ModelResource
from import_export.results import RowResult
from tablib import Dataset

from accounts.models import User
from evidence.duplicates import SourceIndex
from evidence.models import Source
from evidence.resources.widgets import TYPES
from evidence.services.rules import Conflict
from evidence.services.sources import sources_store
from evidence.tables import numbers_of

SHOWN = 80
"""Characters of a value that a preview tells."""
_DIGITS = 16


@dataclass(frozen=True)
class ColumnChange:
    """What a cell does to a stored object, in short; where that leaves something out, with a digest of the whole."""

    column: str
    before: str
    after: str
    digest: str = ""

    @classmethod
    def of(cls, column: str, before: Any, after: Any) -> ColumnChange:
        """The change of one value into another."""
        old, new = ("" if value is None else str(value) for value in (before, after))
        is_cut = max(len(old), len(new)) > SHOWN
        digest = sha256(f"{old}\x00{new}".encode()).hexdigest()[:_DIGITS] if is_cut else ""
        return cls(column, _shown(old), _shown(new), digest)


class TableResource(ModelResource):
    """Rows of curated objects, written by the services.

    `import_data(dataset, user=..., reason=..., use_transactions=False)`, in a transaction of the caller's, writes as
    that user, for that reason. `outcomes`, `changes` and `warnings` then tell, by row from 1 without blank ones, what
    became of the rows.
    With `tries`, whose caller takes everything back, others may number items meanwhile.
    New rows are stored together (`new_rows_store`), since one by one takes five times as long.
    """

    name_column: ClassVar[str]
    """The column that names a stored object."""
    columns_of_fields: ClassVar[Mapping[str, str]]
    """Where the services' names of fields differ from those of columns."""

    def __init__(
        self, progress: Callable[[int], None] = lambda rows: None, *, tries: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.tries = tries
        self.progress = progress
        self.outcomes: dict[int, str] = {}
        self.changes: dict[int, list[ColumnChange]] = {}
        self.warnings: dict[int, list[str]] = {}
        self._new_sources: dict[str, tuple[int, Source]] = {}
        """By key, with the row that each came in."""

    @classmethod
    def types(cls) -> dict[str, pa.DataType]:
        """The type of each column in typed files."""
        return {name: TYPES[type(field.widget)] for name, field in cls.fields.items()}

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        """Check the columns, and read once which sources there are. Raises ValidationError."""
        headers = dataset.headers or []
        if unknown := [name for name in headers if name not in self.fields]:
            raise ValidationError(
                f"Unknown columns: {', '.join(map(str, unknown))}. Known are: {', '.join(self.fields)}."
            )
        self._numbers = numbers_of(dataset)
        if self.name_column not in headers:
            raise ValidationError(f"The column {self.name_column} is missing; it may be empty for what is new.")
        self._sources = {row.key: row for row in Source.objects.order_by("pk")}
        self._index = SourceIndex.of(self._sources.values())

    def import_instance(self, instance: models.Model, row: Mapping[str, Any], **kwargs: Any) -> None:
        """Read the row, all of it. Raises ValidationError by column."""
        errors: dict[str, str] = {}
        self._cells, self._row = row, dict[str, Any]()
        for field in self.get_import_fields():
            if field.readonly or field.column_name not in row:
                continue
            try:
                self._row[field.column_name] = field.clean(row)
            except ValueError as error:
                errors[field.column_name] = str(error)
        errors.update(self.row_faults(kwargs["row_number"]))
        if errors:
            errors.update(self.value_faults())
            raise ValidationError(errors)

    def number_in_file(self, number: int) -> int:
        """The number that the row has in its file."""
        return self._numbers[number - 1]

    def row_faults(self, number: int) -> Iterator[tuple[str, str]]:
        """What is wrong with the row that the services cannot know, by column."""
        raise NotImplementedError

    def value_faults(self) -> Iterator[tuple[str, str]]:
        """What the services would say of the cells that could be read, told where others could not; by column."""
        return iter(())

    def validate_instance(
        self, instance: models.Model, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Only what was wrong with the row: the services check the rest."""
        if import_validation_errors:
            raise ValidationError(import_validation_errors)

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Write the row by the services, whole or not at all. Raises ValidationError by column."""
        number = kwargs["row_number"]
        try:
            outcome = self.write(
                instance, number, actor=kwargs["user"], reason=kwargs.get("reason", ""), is_create=is_create
            )
        except ValidationError as error:
            names = self.columns_of_fields
            raise ValidationError(
                {names.get(field, field): found for field, found in error.update_error_dict({}).items()}
            ) from None
        except (Conflict, PermissionDenied) as error:
            raise ValidationError({NON_FIELD_ERRORS: str(error)}) from None
        self.outcomes[number] = outcome

    def write(self, instance: Any, number: int, *, actor: User, reason: str, is_create: bool) -> str:
        """Store what the row says, or take it among the new rows, and say what that was.

        The answer is created, updated, revised or unchanged. Raises ValidationError by field.
        """
        raise NotImplementedError

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """Tell how far it is."""
        self.progress(kwargs["row_number"])

    def after_import_row(self, row: Any, row_result: RowResult, **kwargs: Any) -> None:
        """Tell rows that changed nothing from others."""
        if self.outcomes.get(kwargs["row_number"]) == "unchanged":
            row_result.import_type = RowResult.IMPORT_TYPE_SKIP

    def after_import(self, dataset: Dataset, result: Any, **kwargs: Any) -> None:
        """Store what is new, and warn of new sources with almost the title of others."""
        titles = {key: source.title for key, (_, source) in self._new_sources.items()}
        for key, others in self._index.similar(titles).items():
            self.warn(self._new_sources[key][0], f"The title of the new source is almost that of {_some(others)}.")
        self.new_rows_store(actor=kwargs["user"], reason=kwargs.get("reason", ""))

    def new_rows_store(self, *, actor: User, reason: str) -> None:
        """Store the new rows that are not stored yet."""
        unstored = [source for _, source in self._new_sources.values() if source._state.adding]
        sources_store(sources=unstored, actor=actor, reason=reason)

    def warn(self, number: int, words: str) -> None:
        """Say something about a row that is no reason to refuse it."""
        self.warnings.setdefault(number, []).append(words)

    def source_take(self, source: Source, number: int) -> None:
        """Have a new source of this row known to the rows after it, and warn where it was deleted or merged before."""
        index, reasons = self._gone
        for key in index.same(url=source.url, identifier=source.identifier):
            words = f"This source was stored before, as {key}, and taken away: {reasons[key] or 'nobody said why.'}"
            self.warn(number, words)
        self.source_keep(source)
        self._new_sources[source.key] = (number, source)

    @cached_property
    def _gone(self) -> tuple[SourceIndex, dict[str, str | None]]:
        """The sources that were deleted, by merging too, and why."""
        rows = list(Source.history.filter(history_type="-").order_by("history_id"))
        return SourceIndex.of(rows), {row.key: row.history_change_reason for row in rows}

    def source_keep(self, source: Source) -> None:
        """Have a changed source known as it is now."""
        self._index.add(source)
        self._sources[source.key] = source

    def changes_note(self, number: int, stored: models.Model, changes: Mapping[str, Any]) -> None:
        """Keep what the row does to a stored object, by column."""
        names = self.columns_of_fields
        told = [
            ColumnChange.of(names.get(field, field), getattr(stored, field), value) for field, value in changes.items()
        ]
        self.changes.setdefault(number, []).extend(told)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3])
