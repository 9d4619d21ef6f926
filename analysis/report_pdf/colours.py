"""The colours of paper: the light ones of static/css/tokens.css."""

from __future__ import annotations

import re
from functools import cache

from aifutures_site.environment import PROJECT

_TOKEN = re.compile(r"(--[\w-]+):\s*(#[0-9A-Fa-f]{6})")


@cache
def _tokens() -> dict[str, str]:
    text = (PROJECT / "static" / "css" / "tokens.css").read_text()
    return dict(_TOKEN.findall(text.partition("@media")[0]))


def colour(name: str) -> str:
    """A colour for Matplotlib: `var(--ink)` as its value in light, any other as it is."""
    return _tokens()[name[4:-1]] if name.startswith("var(") else name
