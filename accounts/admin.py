"""Users, their API keys and the audit trail in the admin site."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.audit import audit_record
from accounts.formulas import guarded
from accounts.keys import key_revoke
from accounts.models import ApiKey, AuditEntry, User
from accounts.policies import Role
from accounts.services import admins_check, user_save, users_delete

admin.site.unregister(Group)  # groups are the roles: the user form assigns them, and nobody edits them
admin.site.unregister([OutstandingToken, BlacklistedToken])  # ids of tokens say nothing to people


class _RoleField(forms.Form):
    role = forms.ChoiceField(
        choices=[("", "No role"), *Role.choices],
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="What the user may do. Curators and admins may use this site.",
    )


class UserAddForm(_RoleField, UserCreationForm):
    """A new user with a role."""


class UserEditForm(_RoleField, UserChangeForm):
    """A user's data and role."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = next(iter({group.name for group in self.instance.groups.all()}), "")

    def clean(self) -> dict[str, Any]:
        """Somebody has to stay an admin."""
        data = super().clean() or {}
        stays = data.get("is_active") and (self.instance.is_superuser or data.get("role") == Role.ADMIN)
        if not stays:
            admins_check(without=[self.instance])
        return data


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Who signs in, and with which role."""

    form = UserEditForm
    add_form = UserAddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "role_name", "is_active", "last_login", "date_joined")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "email", "first_name", "last_name")
    readonly_fields = ("is_superuser", "last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("role", "is_active", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "role", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Users with their groups, which tell the role."""
        return super().get_queryset(request).prefetch_related("groups")

    @display(description="role")
    def role_name(self, user: User) -> str:
        """The role in words."""
        return user.role.label if user.role else "none"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Store the user with the role."""
        role = form.cleaned_data["role"]
        user_save(user=obj, role=Role(role) if role else None, actor=_actor(request))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """As Django's, and noted."""
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            audit_record(actor=_actor(request), action="user.password", subject=self.get_object(request, id))
        return response

    def get_deleted_objects(self, objs: Sequence[User] | QuerySet[User], request: HttpRequest) -> Any:
        """As Django's; the last active admin is protected."""
        found, counts, needed, protected = super().get_deleted_objects(objs, request)
        try:
            admins_check(without=objs)
        except ValidationError as error:
            protected = [*protected, *error.messages]
        return found, counts, needed, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete an account."""
        users_delete(users=[obj], actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete accounts."""
        users_delete(users=queryset, actor=_actor(request))


AUDIT_COLUMNS = ("at", "actor_name", "action", "object_type", "object_id", "reason", "request_id", "details")
MOST_EXPORTED = 100_000
"""Entries in one file, which is made in memory."""


class _ReadOnlyAdmin(ModelAdmin):
    """Rows that are looked at."""

    list_per_page = 25

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(_ReadOnlyAdmin):
    """Whose programs may come in."""

    list_display = ("name", "prefix", "user", "last_used_at", "created_at", "expires_at", "revoked_at")
    list_filter = ("revoked_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    fields = ("name", "prefix", "user", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    actions = ("revoke",)

    @admin.action(description="Revoke the selected API keys", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End keys at once."""
        for key in queryset:
            key_revoke(key=key, actor=_actor(request))
        self.message_user(request, "The keys have ended.")


@admin.register(AuditEntry)
class AuditEntryAdmin(_ReadOnlyAdmin):
    """Who did what."""

    list_display = ("at", "action", "actor_name", "object_type", "object_id", "reason")
    list_filter = (("at", RangeDateFilter), "action", "object_type")
    list_filter_submit = True
    search_fields = ("actor_name", "=object_id", "reason", "=request_id")
    show_full_result_count = False
    fields = ("at", "actor", "actor_name", "action", "object_type", "object_id", "reason", "request_id", "details")
    change_list_template = "admin/accounts/auditentry/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the trail as a file."""
        export = path("export", self.admin_site.admin_view(self.export_view), name="accounts_auditentry_export")
        return [export, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The entries that the list's filters leave, as CSV; itself noted in the trail."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            entries = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect(reverse("admin:accounts_auditentry_changelist"))
        if entries[: MOST_EXPORTED + 1].count() > MOST_EXPORTED:
            text = f"These are more than {MOST_EXPORTED:,} entries: choose a shorter period, and export one by one."
            self.message_user(request, text, messages.ERROR)
            return redirect(f"{reverse('admin:accounts_auditentry_changelist')}?{request.GET.urlencode()}")
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="audit-trail.csv"'
        writer = csv.writer(response)
        writer.writerow(AUDIT_COLUMNS)
        rows = 0
        for rows, entry in enumerate(entries.values_list(*AUDIT_COLUMNS).iterator(), 1):  # noqa: B007 - their number
            at, *texts, details = entry
            writer.writerow([at.isoformat(), *map(guarded, texts), json.dumps(details, ensure_ascii=False)])
        audit_record(actor=_actor(request), action="audit.export", details={"format": "csv", "rows": rows})
        return response


def _actor(request: HttpRequest) -> User:
    return cast("User", request.user)
