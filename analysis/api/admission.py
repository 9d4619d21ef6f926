"""Counting a request against its user's limit, where only the view knows whether it counts."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from rest_framework.exceptions import Throttled

from accounts.api.throttles import consume
from accounts.limits import Cost
from accounts.models import User


def admit(request: HttpRequest, cost: Cost) -> None:
    """Take a place for the user who asks. Raises Throttled."""
    allowance = consume(request, cost, user=cast("User", request.user))
    if not allowance.allowed:
        raise Throttled(max(allowance.reset, 1))
