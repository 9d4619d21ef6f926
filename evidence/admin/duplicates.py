"""Sources that are stored twice: finding and merging them in the admin site."""

from __future__ import annotations

from typing import Any, cast, get_args

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.models import User
from accounts.numbers import number_of
from accounts.pages.lookup import row_or_404
from evidence.duplicates import Among, Pair, Place, likely_pairs
from evidence.models import Source
from evidence.services.merges import source_merge
from evidence.services.rules import Conflict

MOST = 50
"""Pairs on a page; merging brings up the next."""
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
        rows = Source.objects.order_by("pk")
        chosen = list(rows.filter(pk__in=map(number_of, request.GET.getlist("source"))).values_list("key", flat=True))
        if len(chosen) == _PAIR:
            pairs, after = [Pair(chosen[0], chosen[1], "chosen in the list")], ""
        else:
            pairs, after = _likely(list(rows.only("key", "url", "identifier", "title")), request.GET.get("after", ""))
        shown = {key for pair in pairs for key in (pair.one, pair.other)}
        counted = rows.filter(key__in=shown).annotate(number_of_items=Count("items"))
        sources = {source.key: source for source in counted}
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Sources that may be stored twice",
            "opts": self.opts,
            "pairs": [(sources[pair.one], sources[pair.other], pair.why) for pair in pairs],
            "after": after,
            "continued": "after" in request.GET,
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
        pair = {number_of(request.POST.get(name)) for name in ("one", "other")}
        keep = number_of(request.POST.get("keep"))
        if keep not in pair or len(pair) != _PAIR:
            raise PermissionDenied("Choose which of the two to keep.")
        kept, merged = (
            row_or_404(Source.objects.all(), "One of the two sources is gone.", pk=pk)
            for pk in (keep, *(pair - {keep}))
        )
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


def _likely(sources: list[Source], after: str) -> tuple[list[Pair], str]:
    """The likely duplicates, and the place to go on after, such as `marks-3-8` or `titles-3-8`; empty at the end."""
    keys = {source.pk: source.key for source in sources}
    among, *numbers = after.split("-")
    two = [keys[pk] for pk in map(number_of, numbers) if pk in keys]
    known = len(two) == _PAIR and among in get_args(Among)
    found = likely_pairs(sources, most=MOST, after=Place(cast("Among", among), *two) if known else None)
    if found.after is None:
        return found.pairs, ""
    of = {key: pk for pk, key in keys.items()}
    return found.pairs, f"{found.after.among}-{of[found.after.one]}-{of[found.after.other]}"


def _page() -> str:
    return reverse("admin:evidence_source_duplicates")
