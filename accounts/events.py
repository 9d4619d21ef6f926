"""Tells connections that last (sockets) and kept answers that somebody's rights may have changed.

A socket that misses it finds out at its next look at the database; nothing depends on its being heard.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import redis
from django.contrib.auth import SESSION_KEY
from django.db import transaction

from accounts.redis_client import connection
from accounts.stamps import ACCOUNTS, stamp_renew

if TYPE_CHECKING:
    from django.contrib.sessions.models import Session

CHANNEL = "accounts:changed"

logger = logging.getLogger(__name__)


def account_changed_publish(*, user_id: int) -> None:
    """Tell all servers, once the transaction is committed. Never fails."""
    stamp_renew(subject=ACCOUNTS)
    transaction.on_commit(lambda: _publish(user_id))


def session_ended_publish(*, instance: Session, **signal: Any) -> None:
    """Tell all servers of a session that was deleted, as signing out does. A receiver of post_delete."""
    if user_id := instance.get_decoded().get(SESSION_KEY):
        transaction.on_commit(lambda: _publish(int(user_id)))


def _publish(user_id: int) -> None:
    try:
        connection().publish(CHANNEL, str(user_id))
    except redis.RedisError as error:
        # not worth a warning: a command may run before Redis does, and open sockets look by themselves every minute
        logger.debug("a change of rights was not told: %s", error, extra={"user": user_id})
