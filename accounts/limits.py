"""How often a user, or a network address, may ask: counted in Redis, the same for API, pages and sockets.

A limit is a number of requests in any window of its length (a sliding log, as in Redis' own rate limiter pattern).
One Lua script counts and decides, so that requests that come at once cannot both take the last place.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import redis
from django.db.models import TextChoices
from redis.commands.core import Script

from accounts.addresses import address_block
from accounts.models import User
from accounts.redis_client import connection
from aifutures_site.config import get_config

logger = logging.getLogger(__name__)


class Cost(TextChoices):
    """Classes of requests that are counted together. The values are keys of `limits` in the configuration."""

    SCENARIO_QUERIES = "scenario_queries"
    EVIDENCE_QUERIES = "evidence_queries"
    ANALYSIS_RUNS = "analysis_runs"
    WHAT_IF = "what_if"


class AddressCost(TextChoices):
    """Classes of requests that are counted by network address."""

    SIGN_IN = "sign_in"
    TOKEN_REFRESH = "token_refresh"  # noqa: S105 - a name


COMPUTED = frozenset({Cost.ANALYSIS_RUNS, Cost.WHAT_IF})
"""What a worker has to compute, and so needs Redis anyway: refused while nothing can be counted."""

_WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

_COUNT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
local allowed = used < limit
if allowed and ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[1], now, ARGV[3])
    redis.call('PEXPIRE', KEYS[1], window)
    used = used + 1
end
local next_free = redis.call('ZRANGE', KEYS[1], math.max(used - limit, 0), math.max(used - limit, 0), 'WITHSCORES')
local wait = next_free[2] and next_free[2] + window - now or 0
return {allowed and 1 or 0, math.max(limit - used, 0), wait}
"""


class LimitsUnavailable(Exception):
    """Nothing can be counted now, and this class of cost is not answered uncounted."""


@dataclass(frozen=True)
class Allowance:
    """What one request was told: `limit` requests a window (None: no limit), of which `remaining` are left.

    `reset` is the number of seconds until the next of the used places is free again.
    """

    limit: int | None
    remaining: int | None
    reset: int
    allowed: bool
    window: int = 0
    key: str = ""
    place: str = ""

    def headers(self) -> dict[str, str]:
        """The RateLimit headers (IETF draft-ietf-httpapi-ratelimit-headers-06); none without a limit."""
        if self.limit is None:
            return {}
        values = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return values if self.allowed else {**values, "Retry-After": str(max(self.reset, 1))}


UNLIMITED = Allowance(limit=None, remaining=None, reset=0, allowed=True)


def limit_consume(*, user: User, cost: Cost) -> Allowance:
    """Take one place for the user, if there is one; `allowed` of the answer says so.

    While Redis is lost, reads go uncounted (with a warning in the log); what a worker would have to compute raises
    LimitsUnavailable.
    """
    return _ask(_key(user, cost), _rate_of(user, cost), place=uuid4().hex, required=cost in COMPUTED)


def limit_status(*, user: User, cost: Cost) -> Allowance:
    """What `limit_consume` would find, taking nothing."""
    return _ask(_key(user, cost), _rate_of(user, cost), place="", required=False)


def limit_consume_address(*, address: str, cost: AddressCost) -> Allowance:
    """Take one place for a network address, an IPv6 one's /64. While Redis is lost, nothing is counted."""
    rate: str | None = getattr(get_config().limits.address, cost.value)
    return _ask(f"limit:address:{address_block(address)}:{cost.value}", rate, place=uuid4().hex, required=False)


def limit_refund(allowance: Allowance) -> Allowance:
    """Give a place back, because the answer came from a cache or nothing was done, and say what is left now."""
    if not allowance.place or not allowance.allowed or allowance.remaining is None:
        return allowance
    try:
        connection().zrem(allowance.key, allowance.place)
    except redis.RedisError as error:
        logger.warning("A place of a rate limit was not given back: %s", error)
        return allowance
    return replace(allowance, remaining=allowance.remaining + 1, place="")


def _key(user: User, cost: Cost) -> str:
    return f"limit:user:{user.pk}:{cost.value}"


def _rate_of(user: User, cost: Cost) -> str | None:
    """The role's rate, such as `50/hour`. Who has no role may do nothing that is counted; the policy refuses them."""
    if user.role is None:
        return None
    rate: str | None = getattr(getattr(get_config().limits, user.role.value), cost.value)
    return rate


def _ask(key: str, rate: str | None, *, place: str, required: bool) -> Allowance:
    if rate is None:
        return UNLIMITED
    number, _, name = rate.partition("/")
    limit, window = int(number), _WINDOWS[name]
    try:
        answer: Sequence[int] = count_script()(keys=[key], args=[limit, window * 1000, place])
    except redis.RedisError as error:
        if required:
            raise LimitsUnavailable from error
        logger.warning("A request was not counted against its rate limit: %s", error)
        return UNLIMITED
    asked = Allowance(limit=limit, remaining=limit, reset=0, allowed=True, window=window, key=key, place=place)
    return allowance_of(asked, answer)


def allowance_of(asked: Allowance, answer: Sequence[int]) -> Allowance:
    """What `count_script` answered for the key, limit and place of `asked`."""
    allowed, remaining, wait = answer
    return replace(asked, allowed=bool(allowed), remaining=remaining, reset=math.ceil(wait / 1000))


@functools.cache
def count_script() -> Script:
    """Counts and decides. Key: the log; arguments: limit, window in milliseconds, place, empty to take none."""
    return connection().register_script(_COUNT)
