"""Tables of items and of sources into the database, row by row under the same rules as single items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from import_export.results import Result
from tablib import Dataset

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.models import TableImport
from evidence.resources import ColumnChange, EvidenceResource, SourceResource, TableResource
from evidence.services.rules import checked_reason, require
from evidence.tables import numbers_of
from evidence.trials import scratch_database

FEW = 100
"""Rows that are tried within the blink of an eye, so that no copy of a database is made for them."""


@dataclass(frozen=True)
class ColumnFault:
    """What is wrong with a row, and in which column; no column: with the row as a whole."""

    column: str
    message: str


@dataclass(frozen=True)
class RowAnswer:
    """What became of a row, by its number in the file from 1: created, updated, revised, unchanged or refused."""

    row: int
    id: str
    outcome: str
    errors: list[ColumnFault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    changes: list[ColumnChange] = field(default_factory=list)


@dataclass(frozen=True)
class ImportAnswer:
    """What an import did, or, where nothing was written, would do once nothing is refused."""

    written: bool
    counts: dict[str, int]
    rows: list[RowAnswer]


def evidence_import(*, actor: User, table: Dataset, **how: Any) -> ImportAnswer:
    """Write the rows of a table of items: new ones as drafts, changes under four eyes. See `table_import`."""
    return table_import(actor=actor, table=table, action="evidence.import", resource=EvidenceResource, **how)


def source_import(*, actor: User, table: Dataset, **how: Any) -> ImportAnswer:
    """Write the rows of a table of publications. See `table_import`."""
    return table_import(actor=actor, table=table, action="source.import", resource=SourceResource, **how)


def table_import(
    *,
    actor: User,
    table: Dataset,
    action: str,
    resource: type[TableResource],
    reason: str = "",
    dry_run: bool = False,
    partial: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
    file: TableImport | None = None,
) -> ImportAnswer:
    """Write the rows of a table under the same rules as single objects, whole rows only.

    If a row is refused nothing is written, unless `partial`; `dry_run` writes nothing in any case. `progress` is told
    how many rows are looked at; `file` is what the audit trail says the table came in. A `dry_run` finds out by writing
    and takes that back; on SQLite, which has one writer at a time, it tries more than a few rows in a copy.
    Raises PermissionDenied, and ValidationError for wrong columns.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    reason = checked_reason(reason, needed=False)
    rows = resource(progress=progress, tries=dry_run)
    with scratch_database() if dry_run and len(table) > FEW else nullcontext(), transaction.atomic():
        try:
            with transaction.atomic():
                result = rows.import_data(table, use_transactions=False, user=actor, reason=reason)
                for base in result.base_errors:
                    raise base.error
                for row in result.error_rows:
                    raise row.errors[0].error  # a fault of ours, no row's
                written = not dry_run and (partial or not result.invalid_rows)
                transaction.set_rollback(not written)
        except IntegrityError as error:
            raise ValidationError("Somebody else has just stored some of this. Import the file again.") from error
        answers = list(_answers(table, rows, result))
        counts = dict(Counter(answer.outcome for answer in answers))
        if written:
            details: dict[str, Any] = {"file": file.file_name, **counts} if file else counts
            audit_record(actor=actor, action=action, subject=file, reason=reason, details=details)
        return ImportAnswer(written, counts, answers)


def _answers(table: Dataset, resource: TableResource, result: Result) -> Iterator[RowAnswer]:
    invalid = {row.number: row.error for row in result.invalid_rows}
    names = table[resource.name_column]
    for number, row in enumerate(numbers_of(table), 1):
        refused = number in invalid
        yield RowAnswer(
            row=row,
            id=str(names[number - 1] or ""),
            outcome="refused" if refused else resource.outcomes[number],
            errors=list(_faults(invalid[number])) if refused else [],
            warnings=resource.warnings.get(number, []),
            changes=[] if refused else resource.changes.get(number, []),
        )


def _faults(error: ValidationError) -> Iterator[ColumnFault]:
    for column, found in error.update_error_dict({}).items():
        for each in found:
            for message in each.messages:
                yield ColumnFault("" if column == NON_FIELD_ERRORS else column, message)
