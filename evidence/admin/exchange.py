"""Tables in and out of the admin site: the page that takes a file, and lists as files."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.models import User
from evidence.choices import TableKind
from evidence.files import FORMATS, RESOURCES, readable
from evidence.services.exports import export_make, export_note
from evidence.services.import_files import file_upload
from evidence.services.rules import MAX_REASON
from evidence.tables import MAX_BYTES, MAX_ROWS


class UploadForm(forms.Form):
    """A file, and why its rows are written."""

    file = forms.FileField(allow_empty_file=False, widget=UnfoldAdminFileFieldWidget)
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        widget=forms.Textarea({"rows": 2}),
        help_text="Why. Needed where the file changes scores, sources or groups of items that are stored.",
    )

    def __init__(self, kind: TableKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        endings = ", ".join(f".{name}" for name in readable(kind))
        self.fields["file"].widget.attrs |= {"accept": endings, "data-max-bytes": MAX_BYTES}
        self.fields[
            "file"
        ].help_text = f"{endings}: at most {MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB; text in UTF-8."

    def clean_file(self) -> Any:
        """A file that is not too big to be looked at."""
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(f"The file is larger than {MAX_BYTES:,} bytes.")
        return file


class ExchangeMixin(ModelAdmin):
    """Import and export of a list."""

    table_kind: TableKind
    change_list_template = "admin/evidence/exchange_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Django's, and where files come in and go out."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("import", view(self.import_view), name=f"{name}_import"),
            path("export/<slug:ending>", view(self.export_view), name=f"{name}_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Django's, with the kinds of files."""
        context = {"export_endings": list(FORMATS[self.table_kind]), **(extra_context or {})}
        return super().changelist_view(request, context)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file; on to the page that tells what it would do."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(self.table_kind, request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                record = file_upload(
                    actor=cast("User", request.user),
                    kind=self.table_kind,
                    file_name=file.name,
                    content=file.read(),
                    reason=form.cleaned_data["reason"],
                )
            except ValidationError as error:
                form.add_error("file", error.messages)
            except RedisError:
                self.message_user(request, "No worker can be asked now; try again later.", messages.ERROR)
            else:
                return redirect(reverse("admin:evidence_tableimport_change", args=[record.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import {self.opts.verbose_name_plural}",
            "opts": self.opts,
            "form": form,
            "kind": self.table_kind,
            "columns": RESOURCES[self.table_kind]().get_export_headers(),
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "admin/evidence/import.html", context)

    def export_view(self, request: HttpRequest, ending: str) -> HttpResponse:
        """The list, as its filters leave it, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if ending not in FORMATS[self.table_kind]:
            raise Http404
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        actor = cast("User", request.user)
        file = export_make(actor=actor, kind=self.table_kind, rows=rows, format=ending)
        export_note(actor=actor, file=file)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return HttpResponse(file.content, content_type=file.media_type, headers=headers)
