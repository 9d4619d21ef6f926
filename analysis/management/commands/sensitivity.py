"""`sensitivity METHOD [MODEL.json]`: which inputs drive a result."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any, get_args

from django.core.management.base import CommandError

from analysis.engine.sensitivity.outputs import FORMS
from analysis.engine.sensitivity.request import Method, parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.spec import ModelDocument
from analysis.management.study import StudyCommand
from analysis.tables import sensitivity as tables

_PLAIN = ("samples", "levels", "resamples", "confidence", "seed")
_RANGED = re.compile(r"(?P<name>[^=]+)=(?P<low>[-+.\deE]+)\.\.(?P<high>[-+.\deE]+)")


class Command(StudyCommand):
    help = "Which inputs drive a result: Sobol' indices, Morris screening, local swings, the value of information."
    kernel = "run_given"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("method", choices=get_args(Method))
        super().add_arguments(parser)
        parser.add_argument("--of", metavar="OUTPUT", help=f"what is explained: {FORMS} (default: entropy)")
        parser.add_argument(
            "--parameter",
            dest="parameters",
            action="append",
            metavar="NAME[=LOW..HIGH]",
            help="vary this: posterior:H1, midpoint:H1, influence:H2A>H4B, strength_multiplier, prior:H1, "
            "quality_weight:authority, or a pattern such as 'influence:*>H6*'; may be repeated (default: all that a "
            "run draws, and the multiplier)",
        )
        parser.add_argument(
            "--group",
            dest="groups",
            action="append",
            metavar="NAME=PATTERN[,PATTERN]",
            help="vary these together, as one; may be repeated",
        )
        parser.add_argument("--samples", type=int, metavar="N", help="base points, a power of two, or trajectories")
        parser.add_argument("--no-second-order", action="store_true", help="sobol: leave out the interactions")
        parser.add_argument("--levels", type=int, metavar="N", help="morris: levels of the grid")
        parser.add_argument("--resamples", type=int, metavar="N", help="bootstrap resamples for the intervals")
        parser.add_argument("--confidence", type=float, metavar="P", help="of the intervals")
        parser.add_argument("--seed", type=int, metavar="S", help="random seed")

    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        request = parse_request(document, _request(options))
        return sensitivity_study(document, request, threads=threads, on_progress=on_progress)

    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        return tables.summary(found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)


def _request(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as a request has them. Raises CommandError."""
    request: dict[str, Any] = {"method": options["method"], "output": options["of"]}
    if options["no_second_order"]:
        request["second_order"] = False
    request |= {name: options[name] for name in _PLAIN if options[name] is not None}
    if options["parameters"]:
        request["parameters"] = [_parameter(text) for text in options["parameters"]]
    if options["groups"]:
        groups: dict[str, list[str]] = {}
        request["groups"] = groups
        for name, members in map(_group, options["groups"]):
            groups.setdefault(name, []).extend(members)
    return request


def _parameter(text: str) -> str | dict[str, Any]:
    """A name, or a name with a range. Raises CommandError."""
    if "=" not in text:
        return text
    match = _RANGED.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        return {"name": match["name"], "low": float(match["low"]), "high": float(match["high"])}
    except ValueError:
        raise CommandError(f"--parameter {text!r}: must look like prior:H1=0.2..0.8", returncode=2) from None


def _group(text: str) -> tuple[str, list[str]]:
    name, sign, members = text.partition("=")
    if not (name and sign and members):
        raise CommandError(f"--group {text!r}: must look like 'into H6=influence:*>H6*'", returncode=2)
    return name, members.split(",")
