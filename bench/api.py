"""`python -m bench.api`: how fast the API answers, and GET /scenarios beside the same in FastAPI; about a minute.

An installation of its own in a temporary folder (SQLite, the embedded Redis), one web process, all on loopback. Ours
and the peers take turns, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from statistics import median

import jwt

from aifutures_site.processes import spawn, stop
from bench.http_load import Load, load, request_bytes
from deploy.load.installation import Installation, installation

CLIENTS = 10
SECONDS = 8.0
ROUNDS, ROUND_SECONDS = 3, 3.0
QUESTIONS = 60
START_SECONDS = 60
PLENTY = "999999/minute"
PEERS = {
    "FastAPI, uvicorn (asyncio, h11)": ("asyncio", "h11"),
    "FastAPI, uvicorn (uvloop, httptools)": ("uvloop", "httptools"),
}
SCENARIOS = "/api/v1/scenarios"


def main() -> None:
    """Measure and print."""
    limits = {"scenario_queries": PLENTY, "evidence_queries": PLENTY, "what_if": PLENTY}
    with installation(viewers=1, role="ANALYST", analyst=limits) as place:
        print(f"{len(os.sched_getaffinity(0))} cores, shared by server and clients; one web process; answers in ms")
        bearer = {"Authorization": f"Bearer {place.viewers[0]}"}
        evidence = request_bytes("GET", "/api/v1/evidence", bearer)
        load(place.port, evidence, clients=CLIENTS, seconds=1)
        found = load(place.port, evidence, clients=CLIENTS, seconds=SECONDS)
        _tell(
            f"GET /evidence, {CLIENTS} clients", found, f"asked: p95 below 150: {_verdict(found.percentile(95) < 150)}"
        )
        _what_ifs(place, bearer)
        _scenarios(place, bearer)


def _what_ifs(place: Installation, bearer: dict[str, str]) -> None:
    """One user moves a slider: every question is another one, and waits for the answer before."""
    numbers, found = random.Random(42), Load()  # noqa: S311 - positions of a slider
    for _ in range(QUESTIONS + 1):
        body = json.dumps({"overrides": {"priors": {"H1": round(numbers.uniform(0.05, 0.95), 3)}}}).encode()
        asked = load(place.port, request_bytes("POST", "/api/v1/what-if", bearer, body), clients=1, seconds=0)
        found.times += asked.times
        found.seconds += asked.seconds
        found.statuses |= asked.statuses
    del found.times[0]  # it loads the model
    _tell("POST /what-if, 1 client", found, f"asked: p50 below 150: {_verdict(found.percentile(50) < 150)}")


def _scenarios(place: Installation, bearer: dict[str, str]) -> None:
    """The cached list, ours and the peers' in turns."""
    request = urllib.request.Request(f"http://127.0.0.1:{place.port}{SCENARIOS}?min_probability=0", headers=bearer)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http, of our own
        scenarios = place.folder / "scenarios.json"
        scenarios.write_bytes(answer.read())
    key = secrets.token_urlsafe(48)
    claims = {"sub": "1", "aud": "aifutures", "iss": "aifutures", "exp": int(time.time()) + 3600}
    peer = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='HS256')}"}
    env = {"PEER_SCENARIOS": str(scenarios), "PEER_KEY": key}
    with contextlib.ExitStack() as stack:
        asked = {"ours": (place.port, request_bytes("GET", SCENARIOS, bearer))}
        for name, options in PEERS.items():
            asked[name] = (stack.enter_context(_peer(*options, env)), request_bytes("GET", "/scenarios", peer))
        loads: dict[str, list[Load]] = {name: [] for name in asked}
        for round_ in range(ROUNDS + 1):  # the first one warms up
            for name, (port, each) in asked.items():
                found = load(port, each, clients=CLIENTS, seconds=ROUND_SECONDS if round_ else 1)
                loads[name] += [found] if round_ else []
    for name, each in loads.items():
        _tell(f"GET /scenarios, {name}", _together(each))
    ours = median(each.rate for each in loads.pop("ours"))
    for name, each in loads.items():
        ratio = ours / median(other.rate for other in each)
        print(f"  ours / {name}: {ratio:.2f} (asked: 0.50 or more: {_verdict(ratio >= 0.5)})")


@contextlib.contextmanager
def _peer(loop: str, http: str, env: dict[str, str]) -> Iterator[int]:
    """The port of a peer that answers, for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    options = ["--port", str(port), "--loop", loop, "--http", http, "--no-access-log", "--log-level", "error"]
    process = spawn([sys.executable, "-m", "uvicorn", "bench.fastapi_peer:app", *options], env={**os.environ, **env})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit("bench: a peer did not start")
            time.sleep(0.05)
        yield port
    finally:
        stop(process, 5)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _together(loads: list[Load]) -> Load:
    return Load(
        sum(each.seconds for each in loads),
        [time_ for each in loads for time_ in each.times],
        set().union(*(each.statuses for each in loads)),
    )


def _tell(what: str, found: Load, more: str = "") -> None:
    if found.statuses != {200}:
        raise SystemExit(f"bench: {what} was answered with {sorted(found.statuses)}")
    times = " ".join(f"p{percent} {found.percentile(percent):6.1f}" for percent in (50, 95, 99))
    print(f"{what:<52} {found.rate:7,.0f}/s  {times}  {more}", flush=True)


def _verdict(met: bool) -> str:
    return "ok" if met else "MISSED"


if __name__ == "__main__":
    main()
