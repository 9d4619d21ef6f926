"""Accounts, the keys of their programs, and the record of who did what."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import policies
from accounts.events import account_changed_publish


class UserNameManager(UserManager["User"]):
    """Finds users by name whatever its case: no two names differ in case alone."""

    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of that name. Raises User.DoesNotExist."""
        name = unicodedata.normalize("NFKC", username or "")
        return self.get(Exact(Lower("username"), Lower(models.Value(name))))


class User(AbstractUser):
    """A person or program that signs in.

    The name is unique whatever its case. The e-mail address is optional, and unique (whatever its case) where it is
    given. The role is the group that `role_assign` sets; Django's permission tables are not used: every permission
    question, the admin site's too, is answered by `accounts.policies`.
    """

    api_key: ApiKey | None = None
    """The API key that this request came with."""

    email = models.EmailField("e-mail address", blank=True)
    token_generation = models.PositiveIntegerField(default=0, editable=False)
    """Tokens of earlier generations have ended: it grows with every change of role or activity."""

    objects: ClassVar[UserNameManager] = UserNameManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_user_username_unique",
                violation_error_message="Another user has this name, perhaps in other capitals.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message="Another user has this e-mail address.",
            ),
        ]

    @cached_property
    def role(self) -> policies.Role | None:
        """The role at the first look after this object was loaded. Code that lives longer loads the user anew."""
        return policies.role_of(self)

    @property
    def limited_to(self) -> frozenset[str] | None:
        """Scopes of the API key that this request came with; None: all that the role holds."""
        return frozenset(self.api_key.scopes) if self.api_key else None

    @property
    def token_stamp(self) -> str:
        """What the user's tokens carry; a change of password, role or activity makes another one."""
        state = f"{self.pk}|{self.password}|{self.token_generation}"
        return salted_hmac("accounts.token_stamp", state, algorithm="sha256").hexdigest()[:24]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; a new password (not a new hash of the old one) ends the user's API keys, as it ends tokens.

        Sockets that were opened with any of these, or in a session that has ended now, are told.
        """
        renewed = self._password is not None and not self._state.adding
        super().save(*args, **kwargs)
        if renewed:
            self.api_keys.end()
            account_changed_publish(user_id=self.pk)

    def set_unusable_password(self) -> None:
        """As Django's; no password ends what a new one ends."""
        super().set_unusable_password()
        self._password = ""  # as `save` finds a new one

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether the user's role holds a Django permission (`app.verb_model`)."""
        return policies.may_in_admin(self.role, perm)

    def has_perms(self, perm_list: Iterable[str], obj: object = None) -> bool:
        """Whether the role holds every one of the permissions."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the role may see any model of the app in the admin site."""
        return policies.may_open_app(self.role, app_label)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; the role is looked up again too."""
        super().refresh_from_db(*args, **kwargs)
        self.__dict__.pop("role", None)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """API keys."""

    def kept(self) -> ApiKeyQuerySet:
        """Keys that are not revoked."""
        return self.filter(revoked_at__isnull=True)

    def usable(self) -> ApiKeyQuerySet:
        """Keys that are neither revoked nor expired."""
        return self.kept().filter(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now()))

    def end(self) -> int:
        """Revoke keys at once; how many there were."""
        return self.kept().update(revoked_at=timezone.now())


class ApiKey(models.Model):
    """What a program signs in with, in the name of its owner.

    The secret is shown once and kept as a hash. Its scopes count only as far as the owner's role holds them when the
    key is used.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What it is for.")
    prefix = models.CharField(max_length=16, unique=True, editable=False, help_text="How the key starts.")
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(help_text="Names of scopes, at most those of the owner's role.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(revoked_at__isnull=True),
                name="accounts_apikey_name_unique",
                violation_error_message="You have a key of this name already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class AuditEntry(models.Model):
    """Who did what to what, when and why. Written by `audit_record` and never changed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True, help_text="As it was then; empty: a command.")
    action = models.CharField(max_length=64, help_text="Such as role.assign or evidence.approve.")
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["object_type", "object_id"], name="accounts_auditentry_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}".strip()
