"""Text in files for spreadsheet programs, which take some of it for formulas."""

from __future__ import annotations

import re
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, with an apostrophe before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unguarded(text: str) -> str:
    """The text that `guarded` made this of."""
    return text[1:] if _GUARDED.match(text) else text
