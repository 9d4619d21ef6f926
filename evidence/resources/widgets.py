"""What cells mean: text, numbers and days."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
from import_export.fields import Field
from import_export.widgets import Widget


class TextWidget(Widget):
    """Text; nothing is empty text."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        """Raises ValueError for what is no text."""
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {value!r:.60}")
        return value.strip()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        """As it is: the file's format decides how values are written."""
        return value


class NumberWidget(TextWidget):
    """A number; nothing is none."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Raises ValueError for what is no finite number."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"must be a number, not {value!r:.60}")
        return number


class DateWidget(TextWidget):
    """A day, as YYYY-MM-DD."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """Raises ValueError for what is no day."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                raise ValueError(f"there is no day {text}") from None
            raise ValueError(f"must be a day written YYYY-MM-DD, not {text!r:.60}") from None


TYPES: Mapping[type[Widget], pa.DataType] = {
    TextWidget: pa.string(),
    NumberWidget: pa.float64(),
    DateWidget: pa.date32(),
}
"""In typed files."""


def column(attribute: str, widget: type[Widget] = TextWidget, *, readonly: bool = False) -> Field:
    """A column of a table; a `readonly` one is told and never taken."""
    return Field(attribute=attribute, widget=widget(), readonly=readonly)
