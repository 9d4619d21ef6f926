"""`python -m deploy.chaos [SCENARIO...]`: hurt an installation in every way while it computes, and judge what became.

It starts an installation of its own (PostgreSQL, Redis, daphne, two workers on temporary data; loopback only), goes
through the scenarios, prints a line for each and ends; status 1 where anything was lost, computed twice or wrong.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from deploy.chaos.installation import Installation, installation

if TYPE_CHECKING:
    from deploy.chaos.trial import Verdict

ITERATIONS, SHORT_ITERATIONS = 5_000_000, 3_000_000
"""Of the runs that are hurt: some seconds of work for one core."""
HEAD = ("scenario", "runs", "retries", "recovery", "in all", "verdict")


def main() -> None:
    """Go through the scenarios."""
    parser = argparse.ArgumentParser(prog="python -m deploy.chaos", description=__doc__.split("\n")[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="which (all; a wrong name shows the names)")
    parser.add_argument("--short", action="store_true", help="a few of them, with small runs")
    parser.add_argument("--iterations", type=int, help=f"of each run that is hurt ({ITERATIONS:,})")
    parser.add_argument("--logs", action="store_true", help="print what the processes said where a scenario went wrong")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # what was started ends with its blocks
    with installation() as place:
        logging.disable(logging.WARNING)  # this process is told of lost servers as well, and knows
        sys.exit(_go_through(place, arguments))


def _go_through(place: Installation, arguments: argparse.Namespace) -> int:
    from accounts.policies import Role  # noqa: PLC0415 - these need the settings, which name the servers
    from accounts.services import user_create  # noqa: PLC0415
    from deploy.chaos.scenarios import SCENARIOS  # noqa: PLC0415
    from deploy.chaos.trial import Trial  # noqa: PLC0415

    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        sys.exit(f"There is no scenario {', '.join(sorted(unknown))}. There are: {', '.join(SCENARIOS)}.")
    wanted = {
        "undisturbed",
        *(arguments.scenarios or (key for key, each in SCENARIOS.items() if each.short or not arguments.short)),
    }
    users = [user_create(username=f"chaos-{n}", role=Role.ANALYST, password=token_urlsafe()) for n in range(3)]
    iterations = arguments.iterations or (SHORT_ITERATIONS if arguments.short else ITERATIONS)
    reference: dict[str, str] = {}
    failed = False
    _say(f"{len(os.sched_getaffinity(0))} cores; runs of {iterations:,} iterations; two workers of one thread each\n")
    _say(_row(HEAD))
    for key in [key for key in SCENARIOS if key in wanted]:
        trial, begun = Trial(place, users, iterations, reference), time.monotonic()
        try:
            SCENARIOS[key].act(trial)
        except Exception as error:
            trial.faults.append(f"{type(error).__name__}: {error}")
        except SystemExit:
            _say(f"{SCENARIOS[key].name}: not ended; {'; '.join(trial.faults)}")
            raise
        place.mend()
        verdict = trial.conclude(begun)
        _say(_line(SCENARIOS[key].name, verdict))
        failed = failed or bool(verdict.faults)
        if verdict.faults and arguments.logs:
            _say("".join(f"--- {name}\n{place.said(name)[-4000:]}\n" for name in place.processes))
    return int(failed)


def _line(name: str, verdict: Verdict) -> str:
    recovery = "" if verdict.recovery is None else f"{verdict.recovery:.1f} s"
    judged = "; ".join(verdict.faults) or "well"
    return _row((name, str(verdict.runs), str(verdict.retries), recovery, f"{verdict.seconds:.0f} s", judged))


def _row(cells: tuple[str, ...]) -> str:
    name, *figures, verdict = cells
    return " ".join((f"{name:<34}", *(f"{figure:>8}" for figure in figures), f"  {verdict}"))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
