"""Writes to users and their roles."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from accounts.models import User
from accounts.policies import Role, Scope, may


@transaction.atomic
def user_create(*, username: str, role: Role, email: str = "", password: str) -> User:
    """A new active user with a role.

    Raises ValidationError for a taken or malformed name or address, and for a password that is too weak.
    """
    user = User(username=User.normalize_username(username), email=User.objects.normalize_email(email))
    user.set_password(password)
    user.full_clean()
    validate_password(password, user)
    user.save()
    role_assign(user=user, role=role)
    return user


@transaction.atomic
def role_assign(*, user: User, role: Role | None) -> None:
    """Give the user this role instead of the present one; None takes every role away.

    Sets the staff flag as the policy says, so that the admin site opens and closes with the role.
    """
    user.groups.remove(*user.groups.filter(name__in=Role.values))
    if role is not None:
        group, _ = Group.objects.get_or_create(name=role.value)  # a flushed database has lost the migration's
        user.groups.add(group)
    user.__dict__.pop("role", None)
    user.is_staff = may(user, Scope.USE_ADMIN)
    user.save(update_fields=["is_staff"])
