"""What forms bring along."""

from __future__ import annotations

from uuid import UUID, uuid4

from django import template

register = template.Library()


@register.simple_tag
def new_id() -> UUID:
    """The id of what a form begins: sent twice, it begins one (`begun_once`)."""
    return uuid4()
