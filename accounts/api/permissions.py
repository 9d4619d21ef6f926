"""The policy as a DRF permission: each operation of a view names the scope it needs."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.policies import Scope, may

if TYPE_CHECKING:
    from accounts.api.views import ScopedView


class Open(Enum):
    """Who may come in where no scope is asked for."""

    TO_ALL = "everyone, also strangers"
    TO_SIGNED_IN = "everyone who is signed in"


Access = Scope | Open

TO_ALL: Final = Open.TO_ALL
TO_SIGNED_IN: Final = Open.TO_SIGNED_IN


class HasScope(BasePermission):
    """Lets in who holds the scope that the view's `scopes` names for the operation."""

    def has_permission(self, request: Request, view: ScopedView) -> bool:  # type: ignore[override]
        """Strangers get 401 and others 403; an operation that names no scope is a fault of ours, not open."""
        operation = view.operation
        if operation is None:
            return True  # no such method: 405 follows
        access = view.scopes.get(operation)
        if access is None:
            raise ImproperlyConfigured(f"{type(view).__name__} names no scope for {operation}")
        return access_granted(request, access)


def access_granted(request: Request, access: Access) -> bool:
    """Whether the request's user may come in."""
    if access is TO_ALL:
        return True
    if access is TO_SIGNED_IN:
        return bool(request.user and request.user.is_authenticated)
    return may(request.user, access)
