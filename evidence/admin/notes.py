"""Notes on items in the admin site."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.pages.lookup import row_or_404
from evidence.models import Evidence, EvidenceNote
from evidence.services.notes import note_create


class NotesMixin(ModelAdmin):
    """Notes on an item's page."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, and where notes are sent."""
        notes = path("<int:pk>/notes", self.admin_site.admin_view(self.notes_view), name="evidence_evidence_notes")
        return [notes, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Django's, with the notes."""
        if (item := kwargs.get("obj")) is not None:
            context["notes"] = item.notes.select_related("author")
        return super().render_change_form(request, context, *args, **kwargs)

    def notes_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Add a note."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user = cast("User", request.user)
        item = row_or_404(Evidence.objects.visible_to(user), "There is no such item.", pk=pk)
        try:
            note_create(evidence=item, actor=user, text=request.POST.get("text", ""))
        except ValidationError as error:
            self.message_user(request, f"The note was not added: {' '.join(error.messages)}", messages.ERROR)
        return redirect(f"{reverse('admin:evidence_evidence_change', args=[pk])}#notes")


@admin.register(EvidenceNote)
class EvidenceNoteAdmin(ModelAdmin):
    """All notes, to read."""

    list_display = ("evidence", "text", "author", "created_at")
    list_select_related = ("evidence", "author")
    list_per_page = 25
    search_fields = ("evidence__public_id", "text", "author__username")
    when_empty = "Notes are written at the end of an item's page."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: they are written on the page of their item."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: EvidenceNote | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EvidenceNote | None = None) -> bool:
        """Nobody."""
        return False
