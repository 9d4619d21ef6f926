"""JSON Web Tokens: signed with the configured key, accepted also under the one before it while keys change.

`JWT_SIGNING_KEY` is a secret of 32 characters or more (HS256), or the PEM text of a private key: RSA (RS256) or
Ed25519 (EdDSA). Every token names its key in the `kid` header; `JWT_PREVIOUS_KEY` is a second key, by which tokens
are still accepted and none are made. A token ends with its time, when it is revoked, and when its user's password,
role or activity changes (`User.token_stamp`). A refresh token that comes again after it has ended is in two hands,
and ends all tokens of its user (RFC 9700, section 4.14.2). A token's role and scopes are for the client to read: here
the database is asked, at every request.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypedDict, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import scopes_of
from accounts.redis_client import connection
from accounts.selectors import key_by_prefix, user_by_id
from accounts.services import access_end, tokens_end

TICKET_LIFETIME = timedelta(seconds=60)


class TokenPair(TypedDict):
    """What a client gets for its password, or for a refresh token. Seconds in `expires_in`, of the access token."""

    access: str
    refresh: str
    token_type: str
    expires_in: int


@dataclass(frozen=True)
class Key:
    """A key and what it is for. `signing` is None for a public key, which only verifies."""

    kid: str
    algorithm: str
    signing: Any
    verifying: Any


def read_key(text: str) -> Key:
    """The key that a configured text is."""
    if not text.startswith("-----BEGIN"):
        kid = hashlib.sha256(f"accounts.tokens.kid:{text}".encode()).hexdigest()[:16]
        return Key(kid=kid, algorithm="HS256", signing=text, verifying=text)
    private = load_pem_private_key(text.encode(), None) if "PRIVATE KEY" in text else None
    public = private.public_key() if private else load_pem_public_key(text.encode())
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    algorithm = "EdDSA" if isinstance(public, Ed25519PublicKey) else "RS256"
    return Key(kid=hashlib.sha256(der).hexdigest()[:16], algorithm=algorithm, signing=private, verifying=public)


class KeyRing(TokenBackend):
    """Signs with the first key; verifies with the one that a token names, by that key's algorithm and no other."""

    def __init__(self, *keys: Key) -> None:
        super().__init__(keys[0].algorithm, audience=api_settings.AUDIENCE, issuer=api_settings.ISSUER)
        self.keys = {key.kid: key for key in keys}
        self.current = keys[0]

    def encode(self, payload: dict[str, Any]) -> str:
        """The signed token."""
        claims = {**payload, "aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.current.signing, self.current.algorithm, headers={"kid": self.current.kid})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The claims. Raises TokenBackendError for what is not ours, not for us, or over."""
        try:
            key = self.keys[jwt.get_unverified_header(token)["kid"]]
            return jwt.decode(
                token,
                key.verifying,
                algorithms=[key.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"], "verify_signature": verify},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("The token has expired") from error
        except (KeyError, TypeError, jwt.InvalidTokenError) as error:
            raise TokenBackendError("The token is not valid") from error


@functools.cache
def key_ring() -> KeyRing:
    """The keys of the configuration."""
    return KeyRing(*(read_key(text) for text in settings.JWT_KEYS))


class _Signed:
    @property
    def token_backend(self) -> KeyRing:
        return key_ring()


class AccessToken(_Signed, tokens.AccessToken):
    """What a request comes with: `Authorization: Bearer ...`."""

    @classmethod
    def for_user(cls, user: User) -> Self:  # type: ignore[override]
        """A token for the user, with what clients like to know."""
        token = cls()
        token["sub"] = str(user.pk)
        token["stamp"] = user.token_stamp
        token["role"] = user.role.value if user.role else None
        token["scopes"] = scopes_of(user)
        return token


class TokenReused(TokenError):
    """A refresh token came, rightly signed and in time, that was exchanged or revoked before."""

    def __init__(self, token: RefreshToken) -> None:
        super().__init__("The token has ended")
        self.token = token


class RefreshToken(_Signed, tokens.RefreshToken):
    """What the next pair is given for, once. The database knows its id, not its text."""

    access_token_class = AccessToken

    @classmethod
    def for_user(cls, user: User) -> Self:  # type: ignore[override]
        """A token for the user."""
        token = cls()
        token["sub"] = str(user.pk)
        token["stamp"] = user.token_stamp
        token.outstand()
        return token

    def check_blacklist(self) -> None:
        """As the library's. Raises TokenReused."""
        try:
            super().check_blacklist()
        except TokenError:
            raise TokenReused(self) from None

    def outstand(self) -> OutstandingToken:
        """Keep the id, so that it can be revoked."""
        return OutstandingToken.objects.create(
            user_id=self["sub"],
            jti=self["jti"],
            token="",
            created_at=self.current_time,
            expires_at=datetime_from_epoch(self["exp"]),
        )


def user_of(token: AccessToken | RefreshToken) -> User | None:
    """The token's user as the database has it now; None if the token has ended with a change of the user."""
    return _still(token["sub"], token.get("stamp", ""), "")


def user_by_access_token(text: str) -> User | None:
    """The user who comes with this access token; None for a token that is not valid, or no longer."""
    try:
        return user_of(AccessToken(cast("Any", text)))
    except TokenError:
        return None


@transaction.atomic
def tokens_issue(*, user: User) -> TokenPair:
    """A new pair of tokens."""
    return TokenPair(
        access=str(AccessToken.for_user(user)),
        refresh=str(RefreshToken.for_user(user)),
        token_type="Bearer",  # noqa: S106 - its name
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    )


def tokens_refresh(*, refresh: str) -> TokenPair:
    """The next pair for a refresh token, which ends with it; one that comes again ends all tokens of its user.

    Raises TokenError.
    """
    try:
        return _exchange(refresh)
    except TokenReused as reused:
        _end_reused(reused.token)
        raise


@transaction.atomic
def _exchange(refresh: str) -> TokenPair:
    token = RefreshToken(cast("Any", refresh))
    user = user_of(token)
    _, first = cast("tuple[Any, bool]", token.blacklist())
    if not first:  # another request was faster
        raise TokenReused(token)
    if user is None:
        raise TokenError("The token has ended")
    return tokens_issue(user=user)


@transaction.atomic
def _end_reused(token: RefreshToken) -> None:
    list(User.objects.select_for_update().filter(pk=token["sub"]))  # of many at once, one ends them and says so
    user = user_of(token)
    if user is not None:
        tokens_end(user=user)
        audit_record(actor=None, action="tokens.reuse", subject=user, reason="A refresh token came a second time.")


@transaction.atomic
def token_revoke(*, refresh: str, everywhere: bool = False) -> None:
    """End a refresh token; with `everywhere`, every token and API key of its user.

    Access tokens that came with it end by themselves. A token that is none, or has ended, is no error by itself; where
    it is to end others, one that was exchanged or revoked still does. Raises TokenError where it cannot.
    """
    try:
        token = RefreshToken(cast("Any", refresh))
        token.blacklist()
    except TokenReused as reused:
        token = reused.token
    except TokenError:
        if everywhere:
            raise
        return
    if everywhere:
        _end_everywhere(token)


def _end_everywhere(token: RefreshToken) -> None:
    user = user_of(token)
    if user is None:
        raise TokenError("The token has ended")
    access_end(user=user)
    audit_record(actor=user, action="tokens.end", subject=user)


def tokens_forget_expired() -> int:
    """Drop the ids of refresh tokens whose time is over, revoked or not, and say how many rows that were.

    They are refused for their time alone. Any number of processes may do it at once.
    """
    return OutstandingToken.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def user_again(user: User) -> User | None:
    """Who opened a connection, as the database has them now, for connections that last.

    None if their tokens, or their API key, have ended since.
    """
    return _still(user.pk, user.token_stamp, user.api_key.prefix if user.api_key else "")


def _still(pk: int | str, stamp: str, key_prefix: str) -> User | None:
    """The user if the stamp is still theirs, with the API key if there is one."""
    user = user_by_id(pk)
    if user is None or not user.is_active or user.token_stamp != stamp:
        return None
    if key_prefix:
        user.api_key = key_by_prefix(key_prefix)
        if user.api_key is None:
            return None
    return user


def ticket_issue(*, user: User) -> str:
    """A ticket to open one socket with, within TICKET_LIFETIME: for clients that cannot send headers there.

    Raises redis.RedisError.
    """
    ticket = secrets.token_urlsafe(32)
    content = f"{user.pk} {user.token_stamp} {user.api_key.prefix if user.api_key else ''}"
    connection().set(_ticket_name(ticket), content, ex=TICKET_LIFETIME)
    return ticket


def ticket_redeem(ticket: str) -> User | None:
    """The user whom a ticket lets in, limited as its API key is; None for a ticket that is used, late or none.

    Raises redis.RedisError.
    """
    content: bytes | None = connection().getdel(_ticket_name(ticket))  # type: ignore[assignment]
    if content is None:
        return None
    pk, stamp, prefix = content.decode().split(" ")
    return _still(pk, stamp, prefix)


def _ticket_name(ticket: str) -> str:
    return f"ws-ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
