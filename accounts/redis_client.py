"""The Redis that counts and keeps tickets: the queue's, since a cache may forget."""

from __future__ import annotations

import functools

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@functools.cache
def connection() -> redis.Redis:
    """The process's client. It gives up soon; one more try meets a connection that has gone stale."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1)
    )
