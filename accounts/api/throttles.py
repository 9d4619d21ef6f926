"""The rate limits as DRF throttles: each operation of a view may name its class of cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_ip
from accounts.limits import (
    AddressCost,
    Allowance,
    Cost,
    limit_consume,
    limit_consume_address,
    limit_refund,
    limit_status,
)
from accounts.policies import Asker

if TYPE_CHECKING:
    from accounts.api.views import ScopedView
    from accounts.models import User


class CostThrottle(BaseThrottle):
    """Counts the operations that the view's `costs` names."""

    allowance: Allowance | None = None

    def allow_request(self, request: Request, view: ScopedView) -> bool:  # type: ignore[override]
        """Take a place; the middleware tells the client what is left."""
        cost = view.costs.get(view.operation or "")
        if cost is None:
            return True
        self.allowance = consume(request._request, cost, user=request.user)
        return self.allowance.allowed

    def wait(self) -> float | None:
        """Seconds until there is a place again."""
        return max(self.allowance.reset, 1) if self.allowance else None


def consume(request: HttpRequest, cost: Cost | AddressCost, *, user: Asker) -> Allowance:
    """Take a place for the request's user, or address, and note it on the request for the answer's headers.

    For costs of users the policy must have let them in already: strangers have no place to take.
    """
    if isinstance(cost, AddressCost):
        allowance = limit_consume_address(address=client_ip(request), cost=cost)
    else:
        allowance = limit_consume(user=cast("User", user), cost=cost)
    request.allowance = allowance  # type: ignore[attr-defined]
    return allowance


def charge(request: HttpRequest, cost: Cost, *, user: Asker, kept: bool = False) -> None:
    """Take a place for what is about to be computed or read; `kept` also where the client has the answer already.

    For views that answer from a cache without taking a place; those call `peek`. Raises Throttled where there is none.
    """
    allowance = consume(request, cost, user=user)
    if not allowance.allowed:
        raise Throttled(max(allowance.reset, 1))
    if kept:
        request.allowance = replace(allowance, place="")  # type: ignore[attr-defined]


def peek(request: HttpRequest, cost: Cost, *, user: Asker) -> None:
    """Tell the client what is left, and take nothing: the answer is there already, also for who has used all up."""
    found = limit_status(user=cast("User", user), cost=cost)
    request.allowance = replace(found, allowed=True)  # type: ignore[attr-defined]


def refund(request: HttpRequest) -> None:
    """Give back what was taken for the request, if anything was: its answer does not count."""
    allowance: Allowance | None = getattr(request, "allowance", None)
    if allowance is not None:
        request.allowance = limit_refund(allowance)  # type: ignore[attr-defined]
