"""Who opens a socket: by a token, an API key or a ticket among the subprotocols, or by the browser's session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare
from django.utils.http import is_same_domain

from accounts.keys import key_use
from accounts.models import User
from accounts.policies import Scope, may
from accounts.selectors import user_by_id
from accounts.tokens import ticket_redeem, user_again, user_by_access_token
from analysis.sockets.errors import NOT_ALLOWED, NOT_SIGNED_IN, Shut

SUBPROTOCOLS = ("bearer", "ticket")


class Identity(NamedTuple):
    """What tells credentials apart: sockets with equal ones have equal rights."""

    user_id: int
    stamp: str
    key_prefix: str
    session_key: str


@dataclass(frozen=True)
class Credentials:
    """What a socket was opened with, so that the database can be asked again."""

    user: User
    session_key: str = ""

    @cached_property
    def identity(self) -> Identity:
        """To be compared."""
        prefix = self.user.api_key.prefix if self.user.api_key else ""
        return Identity(self.user.pk, self.user.token_stamp, prefix, self.session_key)

    def again(self) -> User:
        """The user as the database has them now. Raises Shut for who must sign in again, or has no rights."""
        user = user_again(self.user)
        if user is None or (self.session_key and _session_user(self.session_key) != user):
            raise Shut(NOT_SIGNED_IN)
        return _with_rights(user)


def subprotocol_of(scope: dict[str, Any]) -> str | None:
    """What the server answers with: the first name, if it is one of ours, and never what came with it."""
    first = next(iter(scope["subprotocols"]), None)
    return first if first in SUBPROTOCOLS else None


def sign_in(scope: dict[str, Any]) -> Credentials:
    """Who opens the socket. Raises Shut; RedisError where tickets cannot be read."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    session_key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME, "")
    if session_key and not origin_is_ours(headers.get(b"origin", ""), headers.get(b"host", "")):
        raise Shut(NOT_ALLOWED)  # another site's page, with the cookie that browsers add
    offered = scope["subprotocols"]
    user = _offered_user(offered) if offered else _session_user(session_key)
    if user is None:
        raise Shut(NOT_SIGNED_IN)
    return Credentials(_with_rights(user), "" if offered else session_key)


def origin_is_ours(origin: str, host: str) -> bool:
    """Whether a page of this site, or of CSRF_TRUSTED_ORIGINS, opens the socket."""
    parts = urlsplit(origin)
    if any(_matches(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS):
        return True
    schemes = {"https"} if settings.SESSION_COOKIE_SECURE else {"http", "https"}
    domain, _ = split_domain_port(host)
    known = validate_host(domain, settings.ALLOWED_HOSTS)
    return known and parts.scheme in schemes and parts.netloc.lower() == host.lower()


def _with_rights(user: User) -> User:
    if not may(user, Scope.READ_RESULTS):
        raise Shut(NOT_ALLOWED)
    return user


def _matches(origin: str, trusted: str) -> bool:
    """Whether an origin is the trusted one, or under it: `https://*.example.org`."""
    found, wanted = urlsplit(origin), urlsplit(trusted)
    if not wanted.netloc.startswith("*."):
        return origin == trusted
    return found.scheme == wanted.scheme and is_same_domain(found.netloc, wanted.netloc.removeprefix("*"))


def _offered_user(offered: list[str]) -> User | None:
    """The user by a name of SUBPROTOCOLS and what comes with it; API keys come where access tokens do."""
    match offered:
        case ["bearer", text]:
            key = key_use(text=text)
            return key.user if key else user_by_access_token(text)
        case ["ticket", text]:
            return ticket_redeem(text)
    return None


def _session_user(session_key: str) -> User | None:
    """Who is signed in by a session, until it ends or the password changes."""
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = user_by_id(session.get(SESSION_KEY, ""))
    if user is None or not user.is_active:
        return None
    return user if constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()) else None
