"""The user account."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower

from accounts import policies


class User(AbstractUser):
    """A person or program that signs in.

    The e-mail address is optional, and unique (whatever its case) where it is given. The role is the group that
    `role_assign` sets; Django's permission tables are not used: every permission question, the admin site's too,
    is answered by `accounts.policies`.
    """

    email = models.EmailField("e-mail address", blank=True)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message="Another user has this e-mail address.",
            )
        ]

    @cached_property
    def role(self) -> policies.Role | None:
        """The role at the first look after this object was loaded. Code that lives longer loads the user anew."""
        return policies.role_of(self)

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
