"""Users in the admin site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import User
from accounts.policies import Role
from accounts.services import role_assign

admin.site.unregister(Group)  # groups are the roles: the user form assigns them, and nobody edits them


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
        """Store the user, then the role."""
        super().save_model(request, obj, form, change)
        if "role" in form.cleaned_data:
            role_assign(user=obj, role=Role(form.cleaned_data["role"]) if form.cleaned_data["role"] else None)
