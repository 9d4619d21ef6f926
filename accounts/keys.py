"""Writes to API keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit import audit_record
from accounts.events import account_changed_publish
from accounts.models import ApiKey, User
from accounts.policies import SCOPES, Scope, holds, scopes_of
from accounts.selectors import key_by_prefix

MAX_KEYS = 50
USE_NOTED_EVERY = timedelta(minutes=1)
_SCOPES = {*Scope.values, *(f"{scope.partition(':')[0]}:*" for scope in Scope.values)}
_MARK = "aif"  # lets scanners of leaked secrets know it


@transaction.atomic
def key_create(
    *, user: User, name: str, scopes: Collection[str] | None = None, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key for the user, and its text, which nobody can read again. Without `scopes`: all of the present role.

    Raises ValidationError for a scope that does not exist or that the role does not hold, a name in use, a time that
    has passed, and more than MAX_KEYS keys.
    """
    User.objects.select_for_update().get(pk=user.pk)  # two requests at once must not both be the last one allowed
    if unknown := sorted(set(scopes or ()) - _SCOPES):
        raise ValidationError({"scopes": ValidationError(f"There is no scope {', '.join(unknown)}.", "unknown")})
    held = SCOPES[user.role] if user.role else frozenset()
    wrong = sorted(scope for scope in scopes or () if not holds(held, scope))
    if wrong:
        raise ValidationError({"scopes": ValidationError(f"Your role does not hold {', '.join(wrong)}.", "not_held")})
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": ValidationError("This time has passed.", "past")})
    if user.api_keys.kept().count() >= MAX_KEYS:
        raise ValidationError(f"You have {MAX_KEYS} keys; revoke one first.", "too_many")
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    key = ApiKey(
        user=user,
        name=name,
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=sorted(set(scopes)) if scopes is not None else scopes_of(user),
        expires_at=expires_at,
    )
    key.full_clean(exclude=["scopes"])
    key.save()
    audit_record(actor=user, action="key.create", subject=key, details={"name": name, "scopes": key.scopes})
    return key, f"{_MARK}_{prefix}_{secret}"


@transaction.atomic
def key_revoke(*, key: ApiKey, actor: User) -> None:
    """End a key at once. A key that has ended stays as it is."""
    ended = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    if ended:
        audit_record(actor=actor, action="key.revoke", subject=key, details={"name": key.name, "owner": key.user_id})
        account_changed_publish(user_id=key.user_id)


def key_use(*, text: str) -> ApiKey | None:
    """The key with its owner, limited to the key's scopes; None for what is no usable key of an active user."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    key = key_by_prefix(prefix) if mark == _MARK and prefix.isascii() and prefix.isalnum() else None
    if key is None or not hmac.compare_digest(key.secret_hash, _hash(secret)) or not key.user.is_active:
        return None
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    key.user.api_key = key
    return key


def _hash(secret: str) -> str:
    """SHA-256 is enough for 256 random bits; only what people choose needs a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
