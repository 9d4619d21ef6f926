"""Writes to users and their roles."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q

from accounts.audit import audit_record
from accounts.events import account_changed_publish
from accounts.models import User
from accounts.policies import Role, Scope, may

AUDITED = ("username", "email", "is_active")
LAST_ADMIN = "This is the last active admin. Make somebody else an admin first."


@transaction.atomic
def user_create(*, username: str, role: Role, email: str = "", password: str, actor: User | None = None) -> User:
    """A new active user with a role.

    Raises ValidationError for a taken or malformed name or address, and for a password that is too weak.
    """
    user = User(username=User.normalize_username(username), email=User.objects.normalize_email(email))
    user.set_password(password)
    user.full_clean()
    validate_password(password, user)
    user_save(user=user, role=role, actor=actor)
    return user


@transaction.atomic
def user_save(*, user: User, role: Role | None, actor: User | None) -> None:
    """Store a new or changed user, who has been checked, with this role.

    Raises ValidationError if no active admin would be left.
    """
    _lock_admins()
    before = User.objects.get(pk=user.pk) if user.pk else None
    if before and not (user.is_active and (user.is_superuser or role is Role.ADMIN)):
        admins_check(without=[before])
    user.save()
    changed = {name: getattr(user, name) for name in AUDITED if before and getattr(before, name) != getattr(user, name)}
    if "is_active" in changed:
        access_end(user=user)
    if before is None:
        audit_record(actor=actor, action="user.create", subject=user, details={"username": user.username})
    elif changed:
        audit_record(actor=actor, action="user.change", subject=user, details=changed)
    role_assign(user=user, role=role, actor=actor)


@transaction.atomic
def role_assign(*, user: User, role: Role | None, actor: User | None = None) -> None:
    """Give the user this role instead of the present one; None takes every role away.

    Sets the staff flag as the policy says, so that the admin site opens and closes with the role, and ends the
    user's tokens. Raises ValidationError if no active admin would be left.
    """
    _lock_admins()
    before = user.groups.filter(name__in=Role.values)
    names = sorted(group.name for group in before)
    if role is not Role.ADMIN:
        admins_check(without=[user])
    user.groups.remove(*before)
    if role is not None:
        group, _ = Group.objects.get_or_create(name=role.value)  # a flushed database has lost the migration's
        user.groups.add(group)
    user.__dict__.pop("role", None)
    user.is_staff = may(user, Scope.USE_ADMIN)
    user.save(update_fields=["is_staff"])
    if names != ([role.value] if role else []):
        tokens_end(user=user)
        details = {"from": names, "to": role.value if role else None}
        audit_record(actor=actor, action="role.assign", subject=user, details=details)


@transaction.atomic
def users_delete(*, users: Iterable[User], actor: User | None) -> None:
    """Delete accounts. Raises ValidationError if no active admin would be left."""
    _lock_admins()
    users = list(users)
    admins_check(without=users)
    for user in users:
        audit_record(actor=actor, action="user.delete", subject=user, details={"username": user.username})
        account_changed_publish(user_id=user.pk)
        user.delete()


def admins_check(*, without: Iterable[User]) -> None:
    """Raise ValidationError if these are all the active admins that there are."""
    leaving = {user.pk for user in without}
    admin = Q(is_superuser=True) | Q(groups__name=Role.ADMIN)
    present = set(User.objects.filter(admin, is_active=True).values_list("pk", flat=True))
    if present and present <= leaving:
        raise ValidationError(LAST_ADMIN, code="last_admin")


def _lock_admins() -> None:
    """Let one transaction at a time change who is an admin: of two who demote each other, the second is the last."""
    list(Group.objects.select_for_update().filter(name=Role.ADMIN))


@transaction.atomic
def access_end(*, user: User) -> None:
    """End every token and every API key of the user at once, and the sockets that were opened with them."""
    user.api_keys.end()
    tokens_end(user=user)


def tokens_end(*, user: User) -> None:
    """End every token of the user at once, and the sockets that were opened with them."""
    User.objects.filter(pk=user.pk).update(token_generation=F("token_generation") + 1)
    user.refresh_from_db(fields=["token_generation"])
    account_changed_publish(user_id=user.pk)
