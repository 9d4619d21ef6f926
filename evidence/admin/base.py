"""What the admin pages of curated objects share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from evidence.admin.history import HistoryMixin


class CuratedAdmin(HistoryMixin):
    """The admin of objects whose form is stored by a service. None is deleted but by its service, with a reason."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        """The form, which knows who fills it in."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: Django's own deletion asks for no reason and is not audited."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the form has been stored."""
