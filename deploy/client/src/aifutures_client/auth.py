"""Who asks: an access token that is renewed by itself, or an API key."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import httpx

from aifutures_client.errors import error_of

EARLY = 30.0
"""Seconds before its end that an access token is renewed."""


class KeyAuth(httpx.Auth):
    """An API key, for machines (POST /auth/keys)."""

    def __init__(self, key: str) -> None:
        self._header = f"Api-Key {key}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the key."""
        request.headers["Authorization"] = self._header
        yield request


class TokenAuth(httpx.Auth):
    """Tokens of a user. The password is exchanged for them once and not kept.

    A refresh token is good for one renewal: threads that share a client renew one after the other.
    """

    requires_response_body = True

    def __init__(self, url: httpx.URL | str, access: str, refresh: str, expires_in: float) -> None:
        self._url = httpx.URL(url)
        self._lock = threading.Lock()
        self._take(access, refresh, expires_in)

    @classmethod
    def obtain(cls, http: httpx.Client, username: str, password: str) -> TokenAuth:
        """Sign in. Raises Unauthorized, RateLimited."""
        response = http.post("auth/token", json={"username": username, "password": password})
        if response.is_error:
            raise error_of(response)
        given = response.json()
        return cls(http.base_url, given["access"], given["refresh"], given["expires_in"])

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self._refresh

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the access token, renewed before its end or when the server takes it no more."""
        if time.monotonic() > self._renew_at:
            yield from self._renewed(self._access, request)
        sent = self._access
        request.headers["Authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response.read()
            yield from self._renewed(sent, request)
            request.headers["Authorization"] = f"Bearer {self._access}"
            yield request

    def _renewed(self, old: str, cause: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Exchange the refresh token for the next pair, unless another thread has done so. Raises Unauthorized."""
        with self._lock:
            if self._access != old:
                return
            response = yield httpx.Request(
                "POST",
                self._url.join("auth/token/refresh"),
                json={"refresh": self._refresh},
                extensions=cause.extensions,  # its timeouts
            )
            response.read()
            if response.is_error:
                raise error_of(response)
            given = response.json()
            self._take(given["access"], given["refresh"], given["expires_in"])

    def _take(self, access: str, refresh: str, expires_in: float) -> None:
        self._access, self._refresh = access, refresh
        self._renew_at = time.monotonic() + expires_in - min(EARLY, expires_in / 2)
