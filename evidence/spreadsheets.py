"""Tables as XLSX. A workbook is a ZIP archive of XML from strangers: its size is bounded before it is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from defusedxml.common import DefusedXmlException
from django.core.exceptions import ValidationError
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from tablib import Dataset

from accounts.formulas import guarded, unguarded
from evidence.tables import MAX_ROWS, bounded, plain, table_of

MAX_UNPACKED = 100_000_000
MAX_COLUMNS = 64
_BLANK = (None, "")


def read_xlsx(raw: bytes) -> Dataset:
    """The first sheet's table: a row of column names, then rows; cells as the text that CSV would have.

    Raises ValidationError, naming the row and column of formulas and of cells that hold an error.
    """
    unpacked_size(bounded(raw))
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
        try:
            lines = _lines(book.worksheets[0])
            names = [str(cell.value or "").strip() for cell in next(lines, [])]
            rows = list(_rows(lines, names))
        finally:
            book.close()
    except ValidationError:
        raise
    except DefusedXmlException:
        raise ValidationError("The workbook declares XML entities, which no spreadsheet program does.") from None
    except Exception as error:  # openpyxl raises whatever a broken part of a file makes it trip over
        raise ValidationError(f"The file is not a readable XLSX workbook ({type(error).__name__}).") from error
    return table_of(names, rows)


def write_xlsx(table: Dataset) -> bytes:
    """A workbook with one sheet, numbers as numbers, and without formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    sheet.freeze_panes = "A2"
    sheet.append(table.headers)
    for row in table:
        sheet.append([_writable(guarded(plain(cell))) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def unpacked_size(raw: bytes) -> int:
    """Bytes that the archive says it holds, which is as many as are read of it. Raises ValidationError for too many."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ValidationError("The file is not an XLSX workbook.") from None
    if size > MAX_UNPACKED:
        raise ValidationError(f"The workbook unpacks to {size:,} bytes; at most {MAX_UNPACKED:,} are read.")
    return size


def _lines(sheet: Any) -> Iterator[list[Any]]:
    """The cells of every row that is not blank, up to the last that holds something."""
    for cells in sheet.iter_rows(max_col=MAX_COLUMNS + 1):
        line = list(cells)
        while line and line[-1].value in _BLANK:
            line.pop()
        if line:
            yield line


def _rows(lines: Iterator[list[Any]], names: list[str]) -> Iterator[list[Any]]:
    if len(names) > MAX_COLUMNS:
        raise ValidationError(f"The sheet has more than {MAX_COLUMNS} columns.")
    for number, line in enumerate(lines, 1):
        if number > MAX_ROWS + 1:
            return  # one too many is enough to say so
        if len(line) > len(names):
            raise ValidationError(f"Row {number} has {len(line)} cells, the row of column names has {len(names)}.")
        row = [_text(cell, number, name) for cell, name in zip(line, names, strict=False)]
        yield [*row, *[""] * (len(names) - len(row))]


def _text(cell: Any, number: int, name: str) -> Any:
    value = cell.value
    match getattr(cell, "data_type", "n"):
        case "f":
            raise ValidationError(f"Row {number}, column {name}: holds a formula; put its value there.")
        case "e":
            raise ValidationError(f"Row {number}, column {name}: holds the error {value}.")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else unguarded(str(value))


def _writable(cell: Any) -> Any:
    """XML 1.0 has no way to write control characters."""
    return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", cell) if isinstance(cell, str) else cell
