"""Kinds of files that tables of items and of sources are read from and written to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import NamedTuple

from django.core.exceptions import ValidationError
from tablib import Dataset

from evidence.bibliographies import read_bibtex, read_ris, write_bibtex, write_ris
from evidence.choices import TableKind
from evidence.resources import EvidenceResource, SourceResource, TableResource
from evidence.spreadsheets import read_xlsx, unpacked_size, write_xlsx
from evidence.tables import TableFormat, read_csv, read_json, write_csv, write_json, write_parquet


class FileFormat(NamedTuple):
    """A kind of file: its media type, and how a table is read from it and written to it."""

    media_type: str
    write: Callable[[Dataset, type[TableResource]], bytes]
    read: Callable[[bytes], Dataset] | None = None


RESOURCES: Mapping[TableKind, type[TableResource]] = {
    TableKind.ITEMS: EvidenceResource,
    TableKind.SOURCES: SourceResource,
}

_TABLES: Mapping[str, FileFormat] = {
    "csv": FileFormat(TableFormat.CSV.label, lambda table, _: write_csv(table), read_csv),
    "xlsx": FileFormat(TableFormat.XLSX.label, lambda table, _: write_xlsx(table), read_xlsx),
    "json": FileFormat(TableFormat.JSON.label, lambda table, _: write_json(table), read_json),
    "parquet": FileFormat(TableFormat.PARQUET.label, lambda table, resource: write_parquet(table, resource.types())),
}
FORMATS: Mapping[TableKind, Mapping[str, FileFormat]] = {
    TableKind.ITEMS: _TABLES,
    TableKind.SOURCES: {
        **_TABLES,
        "bib": FileFormat("application/x-bibtex", lambda table, _: write_bibtex(table), read_bibtex),
        "ris": FileFormat("application/x-research-info-systems", lambda table, _: write_ris(table), read_ris),
    },
}
"""By the ending of the file's name."""


def readable(kind: TableKind) -> list[str]:
    """Endings of the names of files that a table of this kind is read from."""
    return [name for name, form in FORMATS[kind].items() if form.read]


def format_of(kind: TableKind, file_name: str) -> str:
    """The ending that tells the kind of file. Raises ValidationError for one that is not read."""
    ending = PurePath(file_name).suffix.lower().removeprefix(".")
    if ending not in readable(kind):
        known = ", ".join(f".{name}" for name in readable(kind))
        raise ValidationError(f"The name of the file should end in one of {known}.")
    return ending


def table_read(kind: TableKind, file_name: str, raw: bytes) -> Dataset:
    """The table in a file. Raises ValidationError that names what is wrong with the file."""
    read = FORMATS[kind][format_of(kind, file_name)].read
    assert read is not None, "only files that are read have such names"  # noqa: S101
    return read(raw)


def work_of(kind: TableKind, file_name: str, raw: bytes) -> int:
    """How much there is to read, in bytes of text. Raises ValidationError."""
    return unpacked_size(raw) if format_of(kind, file_name) == "xlsx" else len(raw)
