"""Requests: sent with who asks, again where that is safe, and answered with a document or an exception."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx

from aifutures_client.errors import ApiError, Unreachable, error_of, retry_after

ATTEMPTS = 3
"""How often a request is sent that never reaches the server, where sending it twice does no harm."""
PAUSE = 0.5
"""Seconds before the second attempt; twice that before the third."""
LONGEST_REQUEST = 40.0
"""Seconds that one answer may take: the server lets nobody wait for more than 25."""
_BUSY = frozenset({429, 503})


class Transport:
    """One API under `/api/v1/`. `patience`: seconds that it waits, for each request, where the server asks for it.

    `sockets`: whether the server is reached in the usual way, so that a WebSocket may go there too.
    """

    def __init__(self, http: httpx.Client, auth: httpx.Auth, patience: float, *, sockets: bool) -> None:
        self._http, self._auth, self._patience, self.sockets = http, auth, patience, sockets

    def socket_url(self, path: str) -> str:
        """The address of a WebSocket beside the API."""
        api = self._http.base_url
        return str(api.copy_with(scheme=api.scheme.replace("http", "ws")).join(f"../../{path}"))

    def get(self, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """The document at `path`."""
        return self.send("GET", path, params=params, **options).json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The document that answers a POST; None for an empty one."""
        response = self.send("POST", path, json={} if body is None else body, **options)
        return response.json() if response.content else None

    def begin(self, path: str, body: Any, seconds: float) -> httpx.Response:
        """Ask for a computation and wait some seconds; sent twice, it is still begun once (Idempotency-Key)."""
        headers = {"Prefer": f"wait={int(seconds)}", "Idempotency-Key": str(uuid4())}
        return self.send("POST", path, json=body, headers=headers, repeatable=True)

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every page of a list. Only the cursor of `next` is used: its address is the server's idea of its own name."""
        asked = dict(params)
        while True:
            page: dict[str, Any] = self.get(path, asked)
            yield page
            if not page["next"]:
                return
            asked["cursor"] = httpx.URL(page["next"]).params["cursor"]

    def derived(self, path: str, params: Mapping[str, Any], timeout: float | None) -> Any:
        """A document that a worker makes when somebody first asks: ask until it is there. Raises Unreachable."""
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (response := self.send("GET", path, params=params)).status_code == httpx.codes.ACCEPTED:
            pause = retry_after(response) or PAUSE
            if time.monotonic() + pause > deadline:
                hint = response.json().get("hint") or "it is still being computed"
                raise Unreachable(f"no answer within {timeout} s: {hint}")
            time.sleep(pause)
        return response.json()

    def send(self, method: str, path: str, *, repeatable: bool | None = None, **options: Any) -> httpx.Response:
        """An answer below 400. Raises Unreachable, ApiError.

        Where the server is busy (429, or 503 with Retry-After) it is asked again when it says so, within `patience`.
        """
        safe = method == "GET" if repeatable is None else repeatable
        deadline = time.monotonic() + self._patience
        while True:
            response = self._sent(method, path, ATTEMPTS if safe else 1, options)
            if not response.is_error:
                return response
            error = error_of(response)
            if not self._waited(error, deadline):
                raise error

    def _waited(self, error: ApiError, deadline: float) -> bool:
        """Wait as the server asks, if it does and there is time for it."""
        pause = error.retry_after
        if error.status not in _BUSY or pause is None or time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        return True

    def _sent(self, method: str, path: str, attempts: int, options: Mapping[str, Any]) -> httpx.Response:
        for attempt in range(attempts):
            try:
                return self._http.request(method, path, auth=self._auth, **options)
            except httpx.TransportError as error:
                if attempt == attempts - 1:
                    raise Unreachable(f"{self._http.base_url}: {error or type(error).__name__}") from error
                time.sleep(PAUSE * 2**attempt)
        raise AssertionError("at least one attempt")
