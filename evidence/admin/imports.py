"""Imports in the admin site: what a file would do, doing it, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.models import User
from evidence.choices import ImportStatus, TableKind
from evidence.models import TableImport
from evidence.services.import_files import file_discard, file_import, file_retry, rows_done
from evidence.services.rules import Conflict

PER_PAGE = 50
OUTCOMES = ("refused", "created", "updated", "revised", "unchanged")
"""The first that there is, is shown first."""
_COLOURS: dict[str, str] = {
    ImportStatus.CHECKED: "warning",
    ImportStatus.IMPORTED: "success",
    ImportStatus.FAILED: "danger",
}
_LISTS = {TableKind.ITEMS: "admin:evidence_evidence", TableKind.SOURCES: "admin:evidence_source"}


@admin.register(TableImport)
class TableImportAdmin(ModelAdmin):
    """Files that were uploaded."""

    list_display = ("file_name", "kind", "status_label", "summary", "created_by", "created_at")
    list_filter = ("kind", "status")
    list_select_related = ("created_by",)
    search_fields = ("file_name", "created_by__username")
    list_per_page = 25
    when_empty = "Files are uploaded where their rows go: Import is above the lists of evidence and of sources."

    def get_queryset(self, request: HttpRequest) -> QuerySet[TableImport]:
        """Imports without their files and rows, which a page of one reads."""
        return super().get_queryset(request).defer("content", "rows")

    @display(description="status", label=_COLOURS)
    def status_label(self, record: TableImport) -> tuple[str, str]:
        """The status as a coloured label."""
        return record.status, record.get_status_display()

    @display(description="rows")
    def summary(self, record: TableImport) -> str:
        """Rows by what became of them."""
        counts = record.counts
        return ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES if name in counts) or "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: files are uploaded where their lists are."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: TableImport | None = None) -> bool:
        """No: the buttons take its steps."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TableImport | None = None) -> bool:
        """No: a file is discarded by its uploader, or after a day."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the file would do or did, row by row (`show`, `page`); by POST, take a `step`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        if request.method == "POST":
            return self._step(request, record)
        return TemplateResponse(request, "admin/evidence/tableimport/change_form.html", self._context(request, record))

    def _context(self, request: HttpRequest, record: TableImport) -> dict[str, Any]:
        working = record.status in (ImportStatus.CHECKING, ImportStatus.IMPORTING)
        counts, all_rows = ({}, []) if working else (record.counts, record.rows)  # the page asks again every second
        present = [name for name in OUTCOMES if name in counts]
        show = request.GET.get("show") if request.GET.get("show") in present else next(iter(present), "")
        rows = [row for row in all_rows if row["outcome"] == show]
        refused = counts.get("refused", 0)
        return {
            **self.admin_site.each_context(request),
            "title": record.file_name,
            "opts": self.opts,
            "record": record,
            "is_own": record.created_by_id == request.user.pk,
            "working": working,
            "done": _rows_done(record) if working else None,
            "refused": refused,
            "good": sum(counts.values()) - refused - counts.get("unchanged", 0),
            "tabs": [(name, counts[name]) for name in present],
            "show": show,
            "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
            "warned": sum(1 for row in all_rows if row["warnings"]),
            "again": reverse(f"{_LISTS[TableKind(record.kind)]}_import"),
            "list": reverse(f"{_LISTS[TableKind(record.kind)]}_changelist"),
        }

    def _step(self, request: HttpRequest, record: TableImport) -> HttpResponse:
        actor = cast("User", request.user)
        steps: dict[str | None, Callable[[], Any]] = {
            "import": lambda: file_import(record=record, actor=actor),
            "partial": lambda: file_import(record=record, actor=actor, partial=True),
            "discard": lambda: file_discard(record=record, actor=actor),
            "retry": lambda: file_retry(record=record, actor=actor),
        }
        step = request.POST.get("step")
        if step not in steps:
            raise PermissionDenied("There is no such step.")
        try:
            steps[step]()
        except ValidationError as error:
            self.message_user(request, f"Nothing was written: {' '.join(error.messages)}", messages.ERROR)
        except (Conflict, PermissionDenied) as error:
            self.message_user(request, f"Nothing was written: {error}", messages.ERROR)
        except RedisError:
            self.message_user(request, "No worker can be asked now; try again later.", messages.ERROR)
        if step == "discard":
            return redirect(reverse(f"{_LISTS[TableKind(record.kind)]}_changelist"))
        return redirect(reverse("admin:evidence_tableimport_change", args=[record.pk]))


def _rows_done(record: TableImport) -> int | None:
    try:
        return rows_done(record)
    except RedisError:
        return None
