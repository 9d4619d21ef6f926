"""Data frames of results. pandas is imported when one is asked for: the rest of the package does without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


def frame(rows: Iterable[Mapping[str, Any]], index: str | list[str]) -> DataFrame:
    """A frame of rows, by the columns `index`. Raises ImportError without pandas."""
    try:
        import pandas as pd  # noqa: PLC0415 - may be missing
    except ImportError:
        raise ImportError("to_frame needs pandas: pip install 'aifutures-client[pandas]'") from None
    return pd.DataFrame(list(rows)).set_index(index)


def flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A row whose documents have become columns: `source.title`. Lists stay as they are."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return found
