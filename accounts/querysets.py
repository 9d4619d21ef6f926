"""Querysets that know who is asking."""

from __future__ import annotations

from typing import ClassVar, Self, TypeVar

from django.db import models

from accounts.policies import Asker, Scope, may

ModelT = TypeVar("ModelT", bound=models.Model)


class ScopedQuerySet(models.QuerySet[ModelT]):
    """Every row for who holds `read_scope`, none for anyone else."""

    read_scope: ClassVar[Scope]

    def visible_to(self, user: Asker) -> Self:
        """The rows that the user may see."""
        return self if may(user, self.read_scope) else self.none()
