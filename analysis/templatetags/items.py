"""Looking things up in templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def item(things: Mapping[str, Any], key: str) -> Any:
    """What a mapping has under a key that is not known before; None where there is nothing."""
    return things.get(key)
