"""Tables as files: CSV, JSON and Parquet, and what all kinds of files share.

What a file says of columns and types is checked here, once.
"""

from __future__ import annotations

import csv
import io
import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import dropwhile
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from tablib import Dataset

from accounts.api.parsers import strict_json
from accounts.formulas import guarded, unguarded

MAX_BYTES = 20_000_000
MAX_ROWS = 10_000


class TableFormat(TextChoices):
    """Kinds of files."""

    CSV = "csv", "text/csv"
    XLSX = "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    JSON = "json", "application/json"
    PARQUET = "parquet", "application/vnd.apache.parquet"


class Guess(str):
    """The text of a cell that its file says in part: that begins with `known`, and what follows is a guess."""

    known: str

    def __new__(cls, text: str, known: str = "") -> Self:
        """The text, of which the file says `known`."""
        guess = super().__new__(cls, text)
        guess.known = known
        return guess


class FileTable(Dataset):
    """A table whose rows have the `numbers` that they have in its file, where blank rows count too."""

    numbers: Sequence[int] = ()


def numbers_of(table: Dataset) -> Sequence[int]:
    """The numbers of the table's rows, from 1."""
    return getattr(table, "numbers", ()) or range(1, len(table) + 1)


def read_csv(raw: bytes) -> Dataset:
    """A table from UTF-8 text with a line of column names. Raises ValidationError naming the row that is wrong."""
    text = decoded(bounded(raw))
    lines = list(dropwhile(operator.not_, _csv_lines(text)))
    if not lines:
        raise ValidationError("The file is empty.")
    headers, *others = lines
    rows = {number: row for number, row in enumerate(others, 1) if row}
    if len(headers) == 1 and (found := re.search(r"[;\t]", headers[0])):
        words = "semicolons" if found[0] == ";" else "tabs"
        raise ValidationError(f"The file has {words} between its columns; save it with commas.")
    for number, row in rows.items():
        if len(row) != len(headers):
            raise ValidationError(f"Row {number} has {len(row)} cells, the line of column names has {len(headers)}.")
    cells = [[unguarded(cell) for cell in row] for row in rows.values()]
    return table_of([name.strip() for name in headers], cells, numbers=list(rows))


def _csv_lines(text: str) -> Iterator[list[str]]:
    """The cells of every line; none of a blank one. Raises ValidationError naming the line that is wrong."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for line in reader:
            yield line
            begins = reader.line_num + 1
    except csv.Error as error:
        words = f"The row that begins in line {begins} is not valid CSV ({error})"
        raise ValidationError(f"{words}; is a quotation mark in it not closed, or not doubled?") from None


def read_json(raw: bytes) -> Dataset:
    """A table from an array of objects, one a row, with the same keys. Raises ValidationError naming the row."""
    try:
        rows = strict_json(bounded(raw))
    except ValueError as error:
        raise ValidationError(f"The file {error}.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValidationError("The file should be an array of objects, one a row.")
    headers = list(rows[0]) if rows else []
    if rows and not headers:
        raise ValidationError("Row 1 has no columns.")
    for number, row in enumerate(rows, 1):
        if odd := sorted(row.keys() ^ set(headers)):
            raise ValidationError(f"Row {number} has other columns than row 1: {', '.join(odd)}.")
    return table_of(headers, [[row[name] for name in headers] for row in rows])


def write_csv(table: Dataset) -> bytes:
    """CSV (RFC 4180, UTF-8) with numbers in full and without formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.headers)
    writer.writerows([guarded(plain(cell)) for cell in row] for row in table)
    return out.getvalue().encode()


def write_json(table: Dataset) -> bytes:
    """An array of objects, one a row."""
    rows = [dict(zip(table.headers, map(plain, row), strict=True)) for row in table]
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


def write_parquet(table: Dataset, types: Mapping[str, pa.DataType]) -> bytes:
    """Parquet with the type of each column."""
    schema = pa.schema([(name, types[name]) for name in table.headers])
    columns: Iterable[Sequence[Any]] = zip(*table, strict=True) if len(table) else [()] * len(schema)
    out = io.BytesIO()
    pq.write_table(pa.table([list(column) for column in columns], schema=schema), out)
    return out.getvalue()


def bounded(raw: bytes) -> bytes:
    """The file, if it is not too big to be read. Raises ValidationError."""
    if len(raw) > MAX_BYTES:
        raise ValidationError(f"The file is larger than {MAX_BYTES:,} bytes.")
    return raw


def decoded(raw: bytes) -> str:
    """UTF-8 text, with or without a byte order mark. Raises ValidationError naming the line that is none."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValidationError(f"Line {line} is not UTF-8 text; save the file as UTF-8.") from None


def table_of(headers: list[str], rows: list[list[Any]], *, numbers: Sequence[int] = ()) -> Dataset:
    """A table with rows, not too many, and no column twice; `numbers` as in `FileTable`. Raises ValidationError."""
    if not rows:
        raise ValidationError("The file has no rows.")
    if len(rows) > MAX_ROWS:
        raise ValidationError(f"The file has more than {MAX_ROWS:,} rows; split it.")
    if twice := sorted({name for name in headers if headers.count(name) > 1}):
        raise ValidationError(f"Columns that are there twice: {', '.join(twice)}.")
    table = FileTable(*rows, headers=headers)
    table.numbers = numbers
    return table


def plain(cell: Any) -> Any:
    """The cell as files without types hold it: a day as text."""
    return cell.isoformat() if isinstance(cell, date) else cell
