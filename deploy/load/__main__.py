"""`python -m deploy.load [SOCKETS]`: so many sockets follow one run on this machine; it prints what that costs.

It starts an installation of its own (`manage.py serve` on a temporary folder), a run that a real worker computes, and
the clients; measures for some seconds, cancels the run, and ends. Loopback only; nothing of it remains.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
import urllib.request

from websockets.asyncio.client import connect

from deploy.load.client import Follower, Tally
from deploy.load.installation import Installation, installation

SOCKETS_PER_USER = 500
OPENING = 64
"""Handshakes under way at a time."""
OPEN_SECONDS, END_SECONDS = 300.0, 60.0
ITERATIONS = 2_000_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m deploy.load", description=__doc__.split("\n")[0])
    parser.add_argument("sockets", type=int, nargs="?", default=1000, help="how many (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15, help="to measure for (%(default)s)")
    arguments = parser.parse_args()
    if not (1 <= arguments.sockets <= 20_000 and 1 <= arguments.seconds <= 120):
        parser.error("1 to 20,000 sockets, for 1 to 120 seconds")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and arguments.sockets + 100 > hard:
        parser.error(f"a process may open {hard} files here (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    users = -(-arguments.sockets // SOCKETS_PER_USER)
    with installation(viewers=users, sockets_per_user=SOCKETS_PER_USER) as place:
        asyncio.run(measure(place, arguments.sockets, arguments.seconds))


async def measure(place: Installation, count: int, seconds: float) -> None:
    """Open the sockets, follow a run for some seconds, cancel it, print."""
    url = f"ws://127.0.0.1:{place.port}/ws/analysis/progress"
    tally = Tally()
    async with connect(url, subprotocols=["bearer", place.owner]) as owner:  # type: ignore[list-item] # their own type
        await owner.send(json.dumps({"action": "start_analysis", "parameters": {"iterations": ITERATIONS}}))
        run_id = json.loads(await owner.recv())["run_id"]
        drained = asyncio.create_task(_drain(owner))
        await asyncio.to_thread(_share, place, run_id)
        before, begun = place.memory, time.monotonic()
        await _open(place, tally, run_id, count)
        opened = time.monotonic() - begun
        await asyncio.sleep(2)
        used, began = place.cpu_seconds, time.monotonic()
        tally.measuring = True
        await asyncio.sleep(seconds)
        tally.measuring = False
        cpu = (place.cpu_seconds - used) / (time.monotonic() - began)
        memory = place.memory - before
        cancelled = time.time()
        await owner.send(json.dumps({"action": "cancel", "run_id": run_id}))
        deadline = time.monotonic() + END_SECONDS
        while len(tally.ends) < tally.following and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        drained.cancel()
    delays = sorted(tally.delays)
    report = {
        "sockets": f"{count:,} asked for, {tally.opened:,} opened, {tally.following:,} following after {opened:.1f} s",
        "machine": f"{len(os.sched_getaffinity(0))} cores, shared by server, worker and clients",
        "messages": f"{len(delays):,} in {seconds:g} s, {len(delays) / seconds / tally.following:.2f} a second each",
        "delay": " ".join(f"p{share}={_quantile(delays, share):.3f} s" for share in (50, 90, 99, 100)),
        "end message": f"{len(tally.ends):,} of {tally.following:,}" + _spread(tally, cancelled),
        "older after newer": f"{tally.older}",
        "memory": f"{memory / tally.following / 1024:.1f} KiB of the server for each socket",
        "server": f"{100 * cpu:.0f} % of a core",
        "lost before the end": f"{tally.lost}" + (f" ({', '.join(sorted(tally.refused))})" if tally.refused else ""),
    }
    sys.stdout.write("".join(f"{name:<20} {text}\n" for name, text in report.items()))


async def _open(place: Installation, tally: Tally, run_id: str, count: int) -> None:
    """Open the sockets, a few handshakes at a time; return when all of them follow the run, or time is up."""
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + OPEN_SECONDS
    for number in range(count):
        if time.monotonic() > deadline:
            break
        token = place.viewers[number // SOCKETS_PER_USER]
        await loop.create_connection(
            lambda token=token: Follower(tally, f"127.0.0.1:{place.port}", token, run_id), "127.0.0.1", place.port
        )
        while number - tally.following - tally.lost >= OPENING and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
    while tally.following + tally.lost < count and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


def _share(place: Installation, run_id: str) -> None:
    """Let the viewers see the run."""
    url = f"http://127.0.0.1:{place.port}/api/v1/analysis/{run_id}/share"
    headers = {"Authorization": f"Bearer {place.owner}"}
    request = urllib.request.Request(url, method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - http, of our own
        pass


async def _drain(owner) -> None:  # type: ignore[no-untyped-def] # the library's own type
    async for _ in owner:
        pass


def _quantile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


def _spread(tally: Tally, cancelled: float) -> str:
    if not tally.ends:
        return ""
    return f"; {min(tally.ends) - cancelled:.2f} to {max(tally.ends) - cancelled:.2f} s after the wish to cancel"


if __name__ == "__main__":
    main()
