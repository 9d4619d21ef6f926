"""Rights and times in words that people read."""

from __future__ import annotations

import math
from collections.abc import Mapping

from django.contrib.auth.models import AnonymousUser

from accounts.policies import Asker, Role, Scope, may

WORDS: Mapping[Scope, str] = {
    Scope.READ_SCENARIOS: "read scenarios and the published baseline",
    Scope.READ_RESULTS: "read results of runs that are shared",
    Scope.READ_EVIDENCE: "read the evidence",
    Scope.READ_DRAFTS: "read evidence that is not approved",
    Scope.READ_ALL_RUNS: "read everybody's runs, private ones too",
    Scope.CREATE_ANALYSIS: "start runs and ask what-if questions",
    Scope.CANCEL_ANALYSIS: "cancel runs",
    Scope.SHARE_ANALYSIS: "share runs",
    Scope.WRITE_EVIDENCE: "write and review evidence",
    Scope.WRITE_MODEL: "change the model: priors, timing, influences, narratives",
    Scope.WRITE_BASELINE: "publish the baseline",
    Scope.WRITE_USERS: "manage users and their roles",
    Scope.DELETE_EVIDENCE: "delete evidence",
    Scope.USE_ADMIN: "use the admin site",
}
"""What a scope lets one do, to follow "may"."""


def rights(user: Asker) -> list[str]:
    """What the user may do now, in words."""
    return [words for scope, words in WORDS.items() if may(user, scope)]


def refusal(user: Asker, scope: Scope) -> str:
    """Why the user may not do this, and what to do."""
    role = None if isinstance(user, AnonymousUser) else user.role
    if role is None:
        return "Your account has no role yet. Ask an administrator for one."
    return f"Your role, {Role(role).label.lower()}, may not {WORDS[scope]}. If you need to, ask an administrator."


def duration(seconds: int) -> str:
    """A time in the largest unit that makes it one or more, rounded up: `a day`, `3 minutes`; nothing for 0."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= length:
            number = math.ceil(seconds / length)
            return f"{number} {unit}s" if number > 1 else f"{'an' if unit == 'hour' else 'a'} {unit}"
    return ""
