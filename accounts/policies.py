"""Who may do what: the one table that pages, API, admin and sockets all ask.

A role is a Django group, read from the database. A scope is `verb:thing`; `verb:*` covers every thing of that verb.
Which rows a scope opens is the business of each model's `visible_to(user)`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from django.contrib.auth.models import AnonymousUser
from django.db.models import TextChoices

if TYPE_CHECKING:
    from accounts.models import User

Asker: TypeAlias = "User | AnonymousUser"
"""Whoever is behind a request."""


class Role(TextChoices):
    """The four roles, from the fewest rights to the most. The value is the group's name."""

    VIEWER = "viewer", "Viewer"
    ANALYST = "analyst", "Analyst"
    CURATOR = "curator", "Curator"
    ADMIN = "admin", "Admin"


class Scope(TextChoices):
    """What can be asked of `may`."""

    READ_SCENARIOS = "read:scenarios"
    READ_RESULTS = "read:results"
    READ_EVIDENCE = "read:evidence"
    READ_DRAFTS = "read:drafts"
    """Evidence that is not approved (yet, or any more)."""
    READ_ALL_RUNS = "read:runs"
    """Every run, also other users' private ones."""
    CREATE_ANALYSIS = "create:analysis"
    CANCEL_ANALYSIS = "cancel:analysis"
    SHARE_ANALYSIS = "share:analysis"
    WRITE_EVIDENCE = "write:evidence"
    WRITE_MODEL = "write:model"
    """Priors, timing, influences, clusters, narratives."""
    WRITE_BASELINE = "write:baseline"
    """Which run is the published baseline."""
    WRITE_USERS = "write:users"
    DELETE_EVIDENCE = "delete:evidence"
    USE_ADMIN = "use:admin"


_VIEWER = frozenset({Scope.READ_SCENARIOS.value, Scope.READ_RESULTS.value})
_ANALYST = _VIEWER | {
    Scope.READ_EVIDENCE.value,
    Scope.CREATE_ANALYSIS.value,
    Scope.CANCEL_ANALYSIS.value,
    Scope.SHARE_ANALYSIS.value,
}
_CURATOR = _ANALYST | {Scope.READ_DRAFTS.value, Scope.WRITE_EVIDENCE.value, Scope.USE_ADMIN.value}
_ADMIN = _CURATOR | {"read:*", "write:*", Scope.DELETE_EVIDENCE.value}

SCOPES: Mapping[Role, frozenset[str]] = {
    Role.VIEWER: _VIEWER,
    Role.ANALYST: _ANALYST,
    Role.CURATOR: _CURATOR,
    Role.ADMIN: _ADMIN,
}

ADMIN_SITE: Mapping[Role, Mapping[str, frozenset[str]]] = {
    Role.VIEWER: {},
    Role.ANALYST: {},
    Role.CURATOR: {
        "evidence.hypothesis": frozenset({"view", "change"}),
        "evidence.source": frozenset({"view", "add", "change"}),
        "evidence.evidence": frozenset({"view", "add", "change"}),
        "evidence.evidencerevision": frozenset({"view"}),
        "evidence.evidencenote": frozenset({"view"}),
        "evidence.tableimport": frozenset({"view"}),
    },
    Role.ADMIN: {"*": frozenset({"view", "add", "change", "delete"})},
}
"""What a role may do to a model (`app.model`) in the admin site; `*` stands for every model."""


def role_of(user: Asker) -> Role | None:
    """The user's role as the database has it now; None for strangers, the deactivated and those without a role.

    A superuser counts as admin; of several role groups the most powerful counts.
    """
    return None if isinstance(user, AnonymousUser) else role_by(user, (group.name for group in user.groups.all()))


def role_by(user: User, groups: Iterable[str | None]) -> Role | None:
    """The role that a user has by the groups named."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = set(groups)
    return next((role for role in reversed(Role) if role.value in names), None)


def may(user: Asker, scope: Scope | str) -> bool:
    """Whether the user's role holds the scope, and the API key that the user came with, if any, holds it too.

    The role is read once per loaded user, that is once per request.
    """
    if isinstance(user, AnonymousUser) or user.role is None:
        return False
    return holds(SCOPES[user.role], scope) and (user.limited_to is None or holds(user.limited_to, scope))


def holds(scopes: Collection[str], scope: Scope | str) -> bool:
    """Whether a scope is among others, by name or as `verb:*`."""
    return str(scope) in scopes or f"{str(scope).partition(':')[0]}:*" in scopes


def scopes_of(user: Asker) -> list[str]:
    """Every scope that the user may use now, by name and in order."""
    return [scope.value for scope in Scope if may(user, scope)]


def may_in_admin(role: Role | None, permission: str) -> bool:
    """Whether a role holds a Django permission such as `evidence.change_source` (see `ADMIN_SITE`)."""
    app_label, _, codename = permission.partition(".")
    verb, _, model = codename.partition("_")
    rights = ADMIN_SITE[role] if role else {}
    return any(verb in rights.get(key, ()) for key in (f"{app_label}.{model}", "*"))


def may_open_app(role: Role | None, app_label: str) -> bool:
    """Whether any model of the app is open to the role in the admin site."""
    rights = ADMIN_SITE[role] if role else {}
    return any(key == "*" or key.partition(".")[0] == app_label for key in rights)
