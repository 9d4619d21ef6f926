"""The way in: `Client`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar
from uuid import UUID

import httpx

from aifutures_client.auth import KeyAuth, TokenAuth
from aifutures_client.errors import ApiError, Cancelled, Failed
from aifutures_client.evidence import EvidenceApi
from aifutures_client.jobs import Job, Progress
from aifutures_client.results import (
    Comparison,
    Document,
    Robustness,
    RunResult,
    Scenario,
    ScenarioList,
    Sensitivity,
    WhatIf,
)
from aifutures_client.transport import LONGEST_REQUEST, Transport

ResultT = TypeVar("ResultT")
OnProgress = Callable[[Progress], object]

LONGEST_WAIT = 25
"""Seconds that the server waits with an answer."""


class Client:
    """One installation, as one user sees it. Use it with `with`, or close it. Threads may share it.

    auth: `KeyAuth(key)` or `TokenAuth.obtain(...)`; `Client.sign_in` is shorter
    patience: seconds to wait, for each request, where the server asks for it (Retry-After); 0: never
    transport: another httpx transport, such as one that goes through a proxy
    """

    def __init__(
        self, url: str, auth: httpx.Auth, *, patience: float = 60, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http, self._auth = _http(url, transport), auth
        self._api = Transport(self._http, auth, patience, sockets=transport is None)
        self.evidence = EvidenceApi(self._api)

    @classmethod
    def sign_in(
        cls,
        url: str,
        username: str,
        password: str,
        *,
        patience: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> Client:
        """A client with tokens, which renew themselves for as long as it is used within every 7 days.

        Raises Unauthorized, RateLimited, Unreachable.
        """
        with _http(url, transport) as http:
            auth = TokenAuth.obtain(http, username, password)
        return cls(url, auth, patience=patience, transport=transport)

    @classmethod
    def with_key(
        cls, url: str, key: str, *, patience: float = 60, transport: httpx.BaseTransport | None = None
    ) -> Client:
        """A client with an API key, for machines."""
        return cls(url, KeyAuth(key), patience=patience, transport=transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Tokens end by themselves; `sign_out` ends them now."""
        self._http.close()

    def sign_out(self) -> None:
        """End the refresh token, and close."""
        if isinstance(self._auth, TokenAuth):
            self._api.post("auth/token/revoke", {"refresh": self._auth.refresh_token})
        self.close()

    def me(self) -> dict[str, Any]:
        """Who asks: username, role, scopes, and what is left of each limit."""
        found: dict[str, Any] = self._api.get("auth/me")
        return found

    def create_key(self, name: str, *, scopes: list[str] | None = None) -> str:
        """A new API key for `with_key`; the server shows it this once."""
        body = {"name": name} | ({"scopes": scopes} if scopes else {})
        return str(self._api.post("auth/keys", body)["key"])

    def hypotheses(self) -> list[dict[str, Any]]:
        """All hypotheses, in order."""
        return [row for page in self._api.pages("hypotheses", {}) for row in page["hypotheses"]]

    def scenarios(
        self,
        *,
        run: UUID | str | None = None,
        year: int | None = None,
        min_probability: float = 0.01,
        sort_by: str = "probability",
    ) -> ScenarioList:
        """The scenarios of a run, or of the published baseline."""
        params = {"run": run, "year": year, "min_probability": min_probability, "sort_by": sort_by}
        return ScenarioList(Scenario(**row) for row in self._api.get("scenarios", _given(params)))

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """The runs that you may see, newest first. filters: status, mine, shared, published, q, created_after, ..."""
        return [row for page in self._api.pages("analysis", {"limit": 500, **filters}) for row in page["runs"]]

    def run(self, *, progress: OnProgress | None = None, timeout: float | None = None, **parameters: Any) -> RunResult:
        """Run an analysis and wait for it; the same question is answered from the store.

        parameters: iterations, seed, sampler, dtype, model, evidence_filter, overrides, interventions, observations,
        target_year, hypotheses, stop_when_converged, fresh, name
        progress: called with a `Progress`, about every second | timeout: seconds; then StillRunning, and it goes on
        Raises Invalid, Failed, Cancelled, StillRunning, RateLimited.
        """
        return self._computed("analysis/run", "analysis", parameters, RunResult.of, progress=progress, timeout=timeout)

    def start_run(self, **parameters: Any) -> Job[RunResult]:
        """Begin a run and do not wait: `wait()` of what comes back does."""
        return self._begun("analysis/run", "analysis", parameters, RunResult.of, 0)

    def run_job(self, id: UUID | str) -> Job[RunResult]:
        """A run that was begun before, by anybody: follow it, read its result, share it."""
        return Job(self._api, "analysis", UUID(str(id)), RunResult.of)

    def what_if(self, *, run: UUID | str | None = None, **suppositions: Any) -> WhatIf:
        """The answer under other inputs, at once (4,096 iterations); of one user the newest question counts (Conflict).

        suppositions: overrides, interventions, observations | run: whose model; by default the baseline's
        """
        return WhatIf.of(self._api.post("what-if", _given({"run": run}) | suppositions))

    def sensitivity(
        self,
        method: str = "sobol",
        *,
        run: UUID | str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Sensitivity:
        """What a number depends on: sobol, morris, local or value_of_information. Waits as `run` does.

        options: parameters, output, samples, groups, second_order, levels, resamples, confidence, seed, model_document,
        fresh, name
        """
        body = {"method": method} | _given({"run": run}) | options
        return self._computed("sensitivity", "sensitivity", body, Sensitivity.of, progress=progress, timeout=timeout)

    def robustness(
        self,
        *,
        run: UUID | str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Robustness:
        """Which conclusions hold under other assumptions. Waits as `run` does.

        options: iterations, model_document, fresh, name
        """
        body = _given({"run": run}) | options
        return self._computed("robustness", "robustness", body, Robustness.of, progress=progress, timeout=timeout)

    def compare(self, before: UUID | str, after: UUID | str, *, timeout: float | None = 120) -> Comparison:
        """How two runs differ, by more than chance, and why. Raises NotFound, Conflict (no result), Unreachable."""
        return Comparison.of(self._api.derived("analysis/compare", {"runs": f"{before},{after}"}, timeout))

    def export(self, run: UUID | str, form: Literal["json", "csv", "parquet"] = "csv") -> bytes:
        """A run's result as a file. JSON has the model document too; CSV and Parquet have one row for each number."""
        return self._api.send("GET", f"analysis/{run}/export", params={"format": form}).content

    def model(self, run: UUID | str) -> dict[str, Any]:
        """All that a run was computed from (`aifutures.model/1`), for `manage.py simulate` or elsewhere."""
        found: dict[str, Any] = self._api.get(f"analysis/{run}/model")
        return found

    def _computed(
        self,
        begin: str,
        path: str,
        body: dict[str, Any],
        read: Callable[[Document], ResultT],
        *,
        progress: OnProgress | None,
        timeout: float | None,
    ) -> ResultT:
        """Begin, wait in the server's answer for as long as it lets us, then ask how far it is."""
        began = time.monotonic()
        patience = 0 if progress else min(LONGEST_WAIT, LONGEST_WAIT if timeout is None else timeout)
        job = self._begun(begin, path, body, read, patience)
        return job.wait(progress, None if timeout is None else timeout - (time.monotonic() - began))

    def _begun(
        self, begin: str, path: str, body: dict[str, Any], read: Callable[[Document], ResultT], seconds: float
    ) -> Job[ResultT]:
        try:
            response = self._api.begin(begin, body, seconds)
        except ApiError as error:
            if error.location is None:
                raise
            id = UUID(error.location.rpartition("/")[2])  # it ended while the server waited
            raise (Cancelled(id) if error.status == httpx.codes.CONFLICT else Failed(id, error.detail)) from error
        return Job.begun(self._api, path, response, read)


def _http(url: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    return httpx.Client(base_url=f"{url.rstrip('/')}/api/v1/", timeout=LONGEST_REQUEST, transport=transport)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was named, as JSON has it."""
    named = {name: value for name, value in values.items() if value is not None}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in named.items()}
