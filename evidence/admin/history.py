"""Histories in the admin site: two versions side by side, and going back to one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.numbers import number_of
from evidence.services.rules import Conflict, version_of

MOST = 200
"""Versions that a page offers, the newest."""


class Line(NamedTuple):
    """A field in two versions."""

    name: str
    before: str
    after: str
    differs: bool


class HistoryMixin(ModelAdmin):
    """The history page of an object that a service edits."""

    content: Collection[str]
    """The fields that make a version."""
    state: Collection[str] = ()
    """Further fields to compare."""

    def store(self, obj: Any, *, actor: User, changes: Mapping[str, Any], reason: str, version: int | None) -> Any:
        """Change the object by its service, and answer it as it is then."""
        raise NotImplementedError

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The versions, two of them compared (`before`, `after`); by POST, go back to `version`."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        records = list(obj.history.select_related("history_user")[:MOST])
        if request.method == "POST":
            return self._restore(request, obj, records)
        after = _chosen(records, request.GET.get("after")) or records[0]
        before = _chosen(records, request.GET.get("before")) or records[min(1, len(records) - 1)]
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj}",
            "opts": self.opts,
            "object": obj,
            "records": records,
            "before": before,
            "after": after,
            "lines": [_line(before, after, name) for name in (*self.content, *self.state)],
            "may_restore": self.has_change_permission(request, obj),
        }
        return TemplateResponse(request, "admin/evidence/history.html", context)

    def _restore(self, request: HttpRequest, obj: Any, records: list[Any]) -> HttpResponse:
        record = _chosen(records, request.POST.get("version"))
        if record is None or not self.has_change_permission(request, obj):
            raise PermissionDenied
        version = number_of(request.POST.get("seen_version"))
        reason, actor = request.POST.get("reason", ""), cast("User", request.user)
        try:
            values = {name: _stored(record, name) for name in self.content}
            stored = self.store(obj, actor=actor, changes=values, reason=reason, version=version)
        except ValidationError as error:
            self.message_user(request, f"Nothing was changed: {' '.join(error.messages)}", messages.ERROR)
        except (Conflict, PermissionDenied) as error:
            self.message_user(request, f"Nothing was changed: {error}", messages.ERROR)
        else:
            changed = version_of(stored) != version_of(obj)
            self.message_user(request, _outcome(stored, values, changed=changed), messages.SUCCESS)
        return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[obj.pk]))


def _outcome(stored: Any, values: Mapping[str, Any], *, changed: bool) -> str:
    if not changed:
        return "It says that already."
    if any(getattr(stored, name) != value for name, value in values.items()):
        return "That version is now a draft revision; it counts once somebody else has approved it."
    return "That version has been stored anew."


def _chosen(records: list[Any], number: str | None) -> Any | None:
    return next((record for record in records if str(record.history_id) == number), None)


def _line(before: Any, after: Any, name: str) -> Line:
    was, now = _shown(before, name), _shown(after, name)
    return Line(str(after._meta.get_field(name).verbose_name), was, now, was != now)


def _shown(record: Any, name: str) -> str:
    try:
        value = getattr(record, name)
    except ObjectDoesNotExist:
        return f"one that is gone (number {getattr(record, f'{name}_id')})"
    return "-" if value is None or value == "" else str(value)


def _stored(record: Any, name: str) -> Any:
    """The value to store again. Raises ValidationError where it stands for a row that is gone."""
    try:
        return getattr(record, name)
    except ObjectDoesNotExist:
        raise ValidationError(f"The {name} of that version has been deleted.") from None
