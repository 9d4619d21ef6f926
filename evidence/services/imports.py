"""Tables of evidence into the database, row by row under the same rules as single items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from import_export.results import Result
from tablib import Dataset

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.resources import EvidenceResource
from evidence.services.rules import checked_reason, require


@dataclass(frozen=True)
class ColumnFault:
    """What is wrong with a row, and in which column; no column: with the row as a whole."""

    column: str
    message: str


@dataclass(frozen=True)
class RowAnswer:
    """What became of a row, counted from 1: created, updated, revised, unchanged or refused."""

    row: int
    id: str
    outcome: str
    errors: list[ColumnFault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EvidenceImport:
    """What an import did, or, where nothing was written, would do once nothing is refused."""

    written: bool
    counts: dict[str, int]
    rows: list[RowAnswer]


@transaction.atomic
def evidence_import(
    *, actor: User, table: Dataset, reason: str = "", dry_run: bool = False, partial: bool = False
) -> EvidenceImport:
    """Write the rows of a table (see `EvidenceResource`): new items as drafts, changes under four eyes.

    If a row is refused nothing is written, unless `partial`; `dry_run` writes nothing in any case. Raises
    PermissionDenied, and ValidationError for wrong columns.
    """
    require(actor, Scope.WRITE_EVIDENCE)
    reason = checked_reason(reason, needed=False)
    resource = EvidenceResource()
    result = resource.import_data(
        table,
        dry_run=dry_run,
        use_transactions=True,
        rollback_on_validation_errors=not partial,
        user=actor,
        reason=reason,
    )
    for base in result.base_errors:
        raise base.error
    rows = list(_answers(table, resource, result))
    counts = dict(Counter(row.outcome for row in rows))
    written = not dry_run and (partial or "refused" not in counts)
    if written:
        audit_record(actor=actor, action="evidence.import", reason=reason, details=counts)
    return EvidenceImport(written, counts, rows)


def _answers(table: Dataset, resource: EvidenceResource, result: Result) -> Iterator[RowAnswer]:
    invalid = {row.number: row.error for row in result.invalid_rows}
    for row in result.error_rows:
        raise row.errors[0].error  # a fault of ours, no row's
    names = table["id"]
    for number in range(1, len(table) + 1):
        refused = number in invalid
        yield RowAnswer(
            row=number,
            id=str(names[number - 1] or ""),
            outcome="refused" if refused else resource.outcomes[number],
            errors=list(_faults(invalid[number])) if refused else [],
            warnings=resource.warnings.get(number, []),
        )


def _faults(error: ValidationError) -> Iterator[ColumnFault]:
    for column, found in error.update_error_dict({}).items():
        for each in found:
            for message in each.messages:
                yield ColumnFault("" if column == NON_FIELD_ERRORS else column, message)
