"""Sessions of people who signed in with a browser."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.models import User
from accounts.services import tokens_end


@transaction.atomic
def sessions_end(*, user: User, besides: str | None = None) -> int:
    """Sign the user out in every browser but the one whose session key is given, and end every token.

    API keys stay. Says how many browsers that were.
    """
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=besides).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
            ended += 1
    tokens_end(user=user)
    audit_record(actor=user, action="sessions.end", subject=user, details={"sessions": ended})
    return ended
