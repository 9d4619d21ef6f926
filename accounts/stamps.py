"""Marks of what answers rest on: a stamp is renewed with every change of its subject, in Redis, for all processes.

An answer that was made after its stamps were read holds as long as they are still the same.
"""

from __future__ import annotations

import logging
from uuid import uuid4

import redis
from django.db import transaction

from accounts.redis_client import connection

ACCOUNTS = "accounts"
"""Who may do what: changed roles, passwords, activity and keys."""

logger = logging.getLogger(__name__)


def stamp_key(subject: str) -> str:
    """Where Redis holds the stamp."""
    return f"stamp:{subject}"


def stamp_renew(*, subject: str) -> None:
    """Let answers that rest on this be made anew, once the transaction is committed. Never fails."""
    transaction.on_commit(lambda: _renew(subject))


def _renew(subject: str) -> None:
    try:
        connection().set(stamp_key(subject), uuid4().hex)
    except redis.RedisError as error:
        # answers rest on stamps for a minute at most, and on none while Redis is lost
        logger.debug("a stamp was not renewed: %s", error, extra={"subject": subject})
