"""Tables as XLSX. A workbook is a ZIP archive of XML from strangers: its size is bounded before it is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any, NoReturn
from xml.sax import ContentHandler

from defusedxml import sax
from defusedxml.common import DefusedXmlException
from django.core.exceptions import ValidationError
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell
from tablib import Dataset

from accounts.formulas import guarded, unguarded
from evidence.tables import MAX_ROWS, bounded, plain, table_of

MAX_UNPACKED = 100_000_000
MAX_PART = 4_000_000
"""Bytes of a part that is neither a sheet nor the list of texts: openpyxl makes a tree of it as a whole."""
MAX_COLUMNS = 64
MAX_ELEMENTS = 3_000_000
"""XML elements in a sheet: as many rows of as many columns as are read take two thirds of them."""
MAX_ROW_ELEMENTS = 65_536
"""In one row, of which openpyxl makes a tree."""
LAST_ROW = 1_048_576
"""As in ECMA-376; openpyxl counts up to any row that a file names."""
_BLANK = (None, "")


def read_xlsx(raw: bytes) -> Dataset:
    """The first sheet's table: a row of column names, then rows; cells as the text that CSV would have.

    Raises ValidationError, naming the row and column of formulas and of cells that hold an error.
    """
    unpacked_size(bounded(raw))
    try:
        _look_over(raw)
        book = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
        try:
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its own size may be wrong, and would cut rows off
            lines = _lines(sheet)
            head = next(lines, [])
            names = [str(cell.value or "").strip() for cell in head]
            rows = list(_rows(lines, names, after=head[-1].row if head else 0))
        finally:
            book.close()
    except ValidationError:
        raise
    except DefusedXmlException:
        raise ValidationError("The workbook declares XML entities, which no spreadsheet program does.") from None
    except Exception as error:  # openpyxl raises whatever a broken part of a file makes it trip over
        raise ValidationError(f"The file is not a readable XLSX workbook ({type(error).__name__}).") from error
    return table_of(names, [row for _, row in rows], numbers=[number for number, _ in rows])


def write_xlsx(table: Dataset) -> bytes:
    """A workbook with one sheet, numbers as numbers, and without formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    sheet.freeze_panes = "A2"
    sheet.append(table.headers)
    for row in table:
        sheet.append([_writable(sheet, guarded(plain(cell))) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def unpacked_size(raw: bytes) -> int:
    """Bytes that the archive says it holds, which is as many as are read of it. Raises ValidationError for too many."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ValidationError("The file is not an XLSX workbook.") from None
    size = sum(part.file_size for part in parts)
    if size > MAX_UNPACKED:
        raise ValidationError(f"The workbook unpacks to {size:,} bytes; at most {MAX_UNPACKED:,} are read.")
    for part in parts:
        if part.file_size > MAX_PART and not _is_long(part.filename):
            raise ValidationError(
                f"The part {part.filename} of the workbook unpacks to {part.file_size:,} bytes, which is not for a "
                f"table (at most {MAX_PART:,}); put the table alone into a workbook."
            )
    return size


def _is_long(name: str) -> bool:
    """Whether it is a part of a workbook that grows with its table."""
    return name == "xl/sharedStrings.xml" or name.startswith("xl/worksheets/sheet")


class _Look(ContentHandler):
    """Reads a long part without making trees of it. Raises ValidationError for what would take far too much."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = self._row = self._row_began = 0

    def startElement(self, name: str, attrs: Any) -> None:
        self._elements += 1
        if name.rpartition(":")[2] == "row":
            self._row_began, before = self._elements, self._row
            self._row = int(float(attrs.get("r", before + 1)))
            if not before < self._row <= LAST_ROW:
                self._refuse(f"has row {self._row} after row {before}; rows go from 1 up to {LAST_ROW:,}")
        if self._elements - self._row_began > MAX_ROW_ELEMENTS and self._row:
            self._refuse(f"has far too many cells in row {self._row}")
        if self._elements > MAX_ELEMENTS:
            self._refuse("has far too many cells")

    def _refuse(self, words: str) -> NoReturn:
        raise ValidationError(f"A sheet of the workbook {words}.")


def _look_over(raw: bytes) -> None:
    """Raise ValidationError for a workbook with long parts that are not to be loaded."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for part in archive.infolist():
            if _is_long(part.filename):
                with archive.open(part) as source:
                    sax.parse(source, _Look())


def _lines(sheet: Any) -> Iterator[list[Any]]:
    """The cells of every row that is not blank, up to the last that holds something."""
    before = None
    for cells in sheet.iter_rows(max_col=MAX_COLUMNS + 1):
        if cells is before:
            continue  # openpyxl fills gaps, of up to a million rows, with one and the same
        before = cells
        line = list(cells)
        while line and line[-1].value in _BLANK:
            line.pop()
        if line:
            yield line


def _rows(lines: Iterator[list[Any]], names: list[str], *, after: int) -> Iterator[tuple[int, list[Any]]]:
    """The numbers and texts of rows; `after` is the sheet's row of column names."""
    if len(names) > MAX_COLUMNS:
        raise ValidationError(f"The sheet has more than {MAX_COLUMNS} columns.")
    for line in islice(lines, MAX_ROWS + 1):  # one too many is enough to say so
        number = line[-1].row - after
        if len(line) > len(names):
            raise ValidationError(f"Row {number} has {len(line)} cells, the row of column names has {len(names)}.")
        row = [_text(cell, number, name) for cell, name in zip(line, names, strict=False)]
        yield number, [*row, *[""] * (len(names) - len(row))]


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


def _writable(sheet: Any, value: Any) -> Any:
    """The value, or text as a cell that holds text whatever it looks like, `#N/A` too.

    XML 1.0 has no way to write control characters.
    """
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value))
    cell.data_type = "s"
    return cell
