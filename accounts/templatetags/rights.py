"""What a user may do, in templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from accounts import policies

register = template.Library()


@register.filter
def may(user: policies.Asker, scope: str) -> bool:
    """Whether the user holds a scope: `{% if user|may:"create:analysis" %}`. Raises ValueError for none that exists."""
    return policies.may(user, policies.Scope(scope))


@register.inclusion_tag("parts/nav_link.html", takes_context=True)
def nav_link(context: template.Context, name: str, label: str, scope: str) -> dict[str, Any]:
    """A link of the main menu to the page of that name, for those who hold the scope."""
    request = context["request"]
    if not may(request.user, scope):
        return {}
    url = reverse(name)
    here = request.path == url or (url != "/" and request.path.startswith(f"{url}/"))
    return {"url": url, "label": label, "here": here}
