"""`what_if [MODEL.json]`: the answer under other inputs, beside the model's own."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError

from aifutures_site.config import get_config
from analysis.engine.spec import ModelDocument, with_run
from analysis.engine.what_if import what_if
from analysis.management.options import add_assignments, run_choices
from analysis.management.study import StudyCommand
from analysis.tables import what_if as tables

_KINDS = {"prior": "priors", "posterior": "posteriors", "strength": "strengths", "midpoint": "midpoints"}
_SETTING = re.compile(rf"(?:(?P<kind>{'|'.join(_KINDS)}):(?P<name>[\w>]+)|strength_multiplier)=(?P<value>[-+.\w]+)")
_FORMS = "prior:H1=0.7, posterior:H2=0.4, strength:H2A>H4B=0.5, midpoint:H3=2032 or strength_multiplier=1.2"


class Command(StudyCommand):
    help = "Ask what the probabilities would be under other inputs, interventions or observations; show what changes."
    unit = "answers"
    kernel = "run_blocks"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--set",
            dest="settings_given",
            action="append",
            default=[],
            metavar="INPUT=VALUE",
            help=f"another input: {_FORMS}; may be repeated",
        )
        add_assignments(parser)
        parser.add_argument("--target-year", type=int, metavar="Y", help="year of the comparison")

    def subject(self, options: dict[str, Any]) -> ModelDocument:
        return with_run(super().subject(options), **run_choices({"target_year": options["target_year"]}))

    def compute(
        self, document: ModelDocument, options: dict[str, Any], threads: int, on_progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        assigned = {kind: options[kind] for kind in ("interventions", "observations")}
        return what_if(
            document,
            overrides=_overrides(options["settings_given"]),
            jit=get_config().computation.optimization.enable_jit,
            threads=threads,
            **run_choices(assigned),
        )

    def summary(self, document: ModelDocument, found: Mapping[str, Any]) -> str:
        return tables.summary(document, found)

    def rows(self, found: Mapping[str, Any]) -> str:
        return tables.to_csv(found)


def _overrides(texts: Sequence[str]) -> dict[str, Any]:
    """`prior:H1=0.7` and the like as overrides. Raises CommandError."""
    overrides: dict[str, Any] = {}
    for text in texts:
        match = _SETTING.fullmatch(text)
        if match is None:
            raise CommandError(f"--set {text!r}: must look like {_FORMS}", returncode=2)
        where = overrides.setdefault(_KINDS[match["kind"]], {}) if match["kind"] else overrides
        name = match["name"] or "strength_multiplier"
        if name in where:
            raise CommandError(f"--set {text!r}: this input is set twice", returncode=2)
        try:
            where[name] = float(match["value"])
        except ValueError:
            raise CommandError(f"--set {text!r}: {match['value']!r} is no number", returncode=2) from None
    return overrides
