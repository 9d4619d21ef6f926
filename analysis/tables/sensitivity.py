"""A sensitivity study for people: tables for the terminal, rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.tables.csv_rows import csv_text
from analysis.terminal import printable, table

COLUMNS = ("measure", "parameter", "with", "value", "half_width")
SHOWN = 15
"""Parameters, and interactions, that a terminal shows; a file has them all."""

Study = Mapping[str, Any]


def to_csv(study: Study) -> str:
    """Every number of the study in long form: measure, parameter (for an interaction also the other), value."""
    return csv_text(COLUMNS, _rows(study))


def _rows(study: Study) -> Iterator[Sequence[Any]]:
    for measure in ("first_order", "total_order", "mu_star"):
        for name, found in study.get(measure, {}).items():
            yield measure, name, "", found["value"], found["half_width"]
    for measure in ("mu", "sigma", "derivative", "elasticity"):
        for name, value in study.get(measure, {}).items():
            yield measure, name, "", value, None
    for found in study.get("interactions", []):
        yield "interaction", *found["parameters"], found["value"], found["half_width"]
    for name, found in study.get("swings", {}).items():
        for measure in ("output_at_low", "output_at_high", "swing"):
            yield measure, name, "", found[measure], None
    for entries in study.get("value_of_information", {}).values():
        for name, found in entries.items():
            yield "share", name, "", found["share"], found["half_width"]
            yield "remaining_sd", name, "", found["remaining_sd"], None


def summary(study: Study) -> str:
    """What a terminal shows: how the output varies, what drives it, and how much was computed."""
    parts = {"sobol": _sobol, "morris": _morris, "local": _local, "value_of_information": _information}
    return "\n\n".join([_headline(study), *parts[study["method"]](study), _figures(study)])


def _headline(study: Study) -> str:
    if "distribution" not in study:
        return f"{printable(study['output'])} at nominal inputs: {study['nominal']:.4f}"
    found = study["distribution"]
    spread = f"mean {found['mean']:.4f}, sd {found['sd']:.4f}, 90 % between {found['q05']:.4f} and {found['q95']:.4f}"
    constant = " It does not vary: nothing explains anything." if study.get("constant") else ""
    return f"{printable(study['output'])}: {spread}.{constant}"


def _sobol(study: Study) -> Iterator[str]:
    first, total = study["first_order"], study["total_order"]
    confidence = 100 * study["metadata"]["request"]["confidence"]
    yield f"Shares of its variance (first order: alone; total: with all interactions; {confidence:g} % half-widths)"
    yield _named_table(
        ("", "first order", "total"),
        ((name, _estimate(first[name]), _estimate(total[name])) for name in study["ranking"]),
    )
    clear = [entry for entry in study["interactions"] if entry["low"] > 0]
    if study["interactions"]:
        yield "Interactions of two that stand clear of zero" if clear else "No interaction of two stands clear of zero."
    if clear:
        yield _named_table(("", "share"), ((" x ".join(each["parameters"]), _estimate(each)) for each in clear))


def _morris(study: Study) -> Iterator[str]:
    yield "Elementary effects over the range (mu*: mean size; mu: signed; sigma: how it depends on the others)"
    yield _named_table(
        ("", "mu*", "mu", "sigma"),
        (
            (name, _estimate(study["mu_star"][name]), f"{study['mu'][name]:+.4f}", _optional(study["sigma"][name]))
            for name in study["ranking"]
        ),
    )


def _local(study: Study) -> Iterator[str]:
    yield "Output as one input goes from its 5 % to its 95 % point (swing), and its slope there"
    yield _named_table(
        ("", "from", "to", "output from", "to", "swing", "derivative", "elasticity"),
        (
            (
                name,
                f"{found['low']:.4g}",
                f"{found['high']:.4g}",
                f"{found['output_at_low']:.4f}",
                f"{found['output_at_high']:.4f}",
                f"{found['swing']:+.4f}",
                f"{study['derivative'][name]:+.4g}",
                _optional(study["elasticity"][name], "+.3f"),
            )
            for name in study["ranking"]
            for found in [study["swings"][name]]
        ),
    )


def _information(study: Study) -> Iterator[str]:
    found = study["value_of_information"]
    if "hypotheses" in found:
        yield "By hypothesis: the share of the variance that would go if all about it were known, and the sd left"
        yield _information_table(found["hypotheses"], study["ranking_of_hypotheses"])
    yield "By input"
    yield _information_table(found["parameters"], study["ranking"])


def _information_table(entries: Mapping[str, Mapping[str, float]], ranking: Sequence[str]) -> str:
    return _named_table(
        ("", "share", "sd left"),
        (
            (name, _estimate({**entry, "value": entry["share"]}), f"{entry['remaining_sd']:.4f}")
            for name in ranking
            for entry in [entries[name]]
        ),
    )


def _named_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = list(rows)
    more = f"\n  ... and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return table([head, *lines[:SHOWN]]) + more


def _estimate(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} ± {found['half_width']:.3f}"


def _optional(value: float | None, form: str = ".4f") -> str:
    return "-" if value is None else format(value, form)


def _figures(study: Study) -> str:
    metadata = study["metadata"]
    return (
        f"{metadata['evaluations']:,} evaluations of the model in {study['computation_time']:.2f} s. Study "
        f"{metadata['study_hash'][:16]}, seed {metadata['request']['seed']}, engine {metadata['engine_version']}: "
        "the same study gives the same numbers."
    )
