"""Options that the commands around runs share, and how bad ones are refused."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import CommandError

from analysis.engine.spec import MAX_BYTES, ModelDocument, ModelError, Sampler, parse_model
from analysis.management.input import read_input
from analysis.services.threads import engine_threads

MAX_THREADS = 1024
_PLAIN = ("iterations", "seed", "sampler", "target_year")
_ASSIGNED = {"interventions": "--do", "observations": "--given"}
_ASSIGNMENT = re.compile(r"(?P<hypothesis>\w+)=(?P<outcome>[AB])@(?P<from_year>\d{4})")


def add_run_options(parser: ArgumentParser) -> None:
    """What one run may choose; what is left out stays as the model or the configuration has it."""
    parser.add_argument("--iterations", type=int, metavar="N", help="Monte Carlo iterations")
    parser.add_argument("--seed", type=int, metavar="S", help="random seed")
    parser.add_argument("--sampler", choices=get_args(Sampler), help="scrambled Sobol' points or pseudo-random")
    parser.add_argument("--target-year", type=int, metavar="Y", help="year of the headline probabilities")
    add_assignments(parser)


def add_assignments(parser: ArgumentParser) -> None:
    """Interventions and observations."""
    parser.add_argument(
        "--do",
        dest="interventions",
        action="append",
        metavar="H5=A@2030",
        help="make it so: set a hypothesis to an outcome from a year on; may be repeated",
    )
    parser.add_argument(
        "--given",
        dest="observations",
        action="append",
        metavar="H2=A@2035",
        help="suppose we learn: condition on an outcome from a year on; may be repeated",
    )


def _assignment(option: str, text: str) -> dict[str, Any]:
    """`H5=A@2030` as an intervention or observation of the model document."""
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise CommandError(f"{option} {text!r}: must look like H5=A@2030", returncode=2)
    return {**match.groupdict(), "from_year": int(match["from_year"])}


def add_threads(parser: ArgumentParser) -> None:
    """How much of the machine to use."""
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: as configured, or every core)")


def chosen_threads(options: dict[str, Any]) -> int:
    """The threads that were asked for, or those of the configuration. Raises CommandError."""
    threads: int | None = options["threads"]
    if threads is None:
        return engine_threads()
    if not 1 <= threads <= MAX_THREADS:
        raise CommandError(f"--threads: must be 1 to {MAX_THREADS}, not {threads}", returncode=2)
    return threads


def run_choices(options: dict[str, Any]) -> dict[str, Any]:
    """The run options that were given, as the model document has them. Raises CommandError."""
    given = {name: options[name] for name in _PLAIN if options.get(name) is not None}
    for name, option in _ASSIGNED.items():
        if options.get(name) is not None:
            given[name] = [_assignment(option, text) for text in options[name]]
    return given


def read_model(path: Path) -> ModelDocument:
    """The model document in a file. Raises CommandError, in one line that names the path."""
    try:
        return parse_model(read_input(path, MAX_BYTES))
    except ModelError as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None
