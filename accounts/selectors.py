"""Reads of accounts."""

from __future__ import annotations

from django.db.models import F

from accounts.models import ApiKey, User
from accounts.policies import role_by


def user_by_id(pk: int | str) -> User | None:
    """The user with the role, in one query; None if there is none or the id is none."""
    try:
        rows = list(User.objects.filter(pk=pk).annotate(group_name=F("groups__name")))
    except ValueError:
        return None
    return _with_role(rows[0], [row.group_name for row in rows]) if rows else None


def key_by_prefix(prefix: str) -> ApiKey | None:
    """The usable API key with its owner and the owner's role, in one query."""
    keys = ApiKey.objects.usable().filter(prefix=prefix).select_related("user")
    rows = list(keys.annotate(group_name=F("user__groups__name")))
    if not rows:
        return None
    _with_role(rows[0].user, [row.group_name for row in rows])
    return rows[0]


def _with_role(user: User, groups: list[str | None]) -> User:
    user.__dict__["role"] = role_by(user, groups)  # where the cached property would put it
    return user
