"""Tables of items and of sources as files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from evidence.choices import TableKind
from evidence.files import FORMATS, RESOURCES
from evidence.models import Evidence, Source
from evidence.services.rules import require

_NAMES = {TableKind.ITEMS: "evidence", TableKind.SOURCES: "source"}
"""Of files, and of actions in the audit trail."""


@dataclass(frozen=True)
class ExportFile:
    """A table as a file."""

    kind: TableKind
    format: str
    content: bytes
    rows: int

    @property
    def name(self) -> str:
        """What to save it as."""
        return f"{'sources' if self.kind is TableKind.SOURCES else 'evidence'}.{self.format}"

    @property
    def media_type(self) -> str:
        """What it is."""
        return FORMATS[self.kind][self.format].media_type


def export_make(
    *, actor: User, kind: TableKind, rows: Iterable[Evidence] | Iterable[Source], format: str
) -> ExportFile:
    """The rows, which the actor may see, in a kind of file (see `FORMATS`). Raises PermissionDenied.

    Whoever gives the file out notes that with `export_note`.
    """
    require(actor, Scope.READ_EVIDENCE)
    resource = RESOURCES[kind]
    table = resource().export(rows)
    return ExportFile(kind, format, FORMATS[kind][format].write(table, resource), len(table))


def export_note(*, actor: User, file: ExportFile) -> None:
    """Note in the audit trail that the file was given out."""
    details = {"format": file.format, "rows": file.rows}
    audit_record(actor=actor, action=f"{_NAMES[file.kind]}.export", details=details)
