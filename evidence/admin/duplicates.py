"""Sources that are stored twice: finding and merging them in the admin site."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.models import User
from evidence.duplicates import Pair, likely_pairs
from evidence.models import Source
from evidence.services.merges import source_merge
from evidence.services.rules import Conflict

MOST = 50
"""Pairs on the page; merging brings up the next."""
_PAIR = 2


class DuplicatesMixin(ModelAdmin):
    """Likely duplicates and their merging."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the page of duplicates."""
        page = self.admin_site.admin_view(self.duplicates_view)
        return [path("duplicates", page, name="evidence_source_duplicates"), *super().get_urls()]

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        """The likely duplicates, or the two that are each a `source`; by POST, merge two."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._merge(request)
        stored = Source.objects.annotate(number_of_items=Count("items")).order_by("pk")
        sources = {source.key: source for source in stored}
        chosen = [source for source in sources.values() if str(source.pk) in request.GET.getlist("source")]
        if len(chosen) == _PAIR:
            pairs = [Pair(chosen[0].key, chosen[1].key, "chosen in the list")]
        else:
            pairs = likely_pairs(list(sources.values()))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Sources that may be stored twice",
            "opts": self.opts,
            "pairs": [(sources[pair.one], sources[pair.other], pair.why) for pair in pairs[:MOST]],
            "total": len(pairs),
        }
        return TemplateResponse(request, "admin/evidence/source/duplicates.html", context)

    @action(description="Merge two sources")
    def merge(self, request: HttpRequest, queryset: QuerySet[Source]) -> HttpResponseRedirect | None:
        """Look at the two chosen sources side by side."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: _PAIR + 1])
        if len(keys) != _PAIR:
            self.message_user(request, "Choose two sources.", messages.ERROR)
            return None
        return redirect(f"{_page()}?source={keys[0]}&source={keys[1]}")

    def _merge(self, request: HttpRequest) -> HttpResponse:
        pair = {_number(request.POST.get(name)) for name in ("one", "other")}
        keep = _number(request.POST.get("keep"))
        if keep not in pair or len(pair) != _PAIR:
            raise PermissionDenied("Choose which of the two to keep.")
        kept, merged = (get_object_or_404(Source, pk=pk) for pk in (keep, *(pair - {keep})))
        key = merged.key
        try:
            source_merge(
                kept=kept, merged=merged, actor=cast("User", request.user), reason=request.POST.get("reason", "")
            )
        except ValidationError as error:
            self.message_user(request, f"Not merged: {' '.join(error.messages)}", messages.ERROR)
        except (Conflict, PermissionDenied) as error:
            self.message_user(request, f"Not merged: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{key} is now part of {kept.key}.", messages.SUCCESS)
        return redirect(_page())


def _page() -> str:
    return reverse("admin:evidence_source_duplicates")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
