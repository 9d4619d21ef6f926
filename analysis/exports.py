"""A result as a file: JSON as it is, CSV and Parquet in long form, one row for each year and thing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from accounts.formulas import guarded
from aifutures_site.config import get_config
from analysis.engine.result_file import self_contained

NUMBERS = ("mean", "q05", "q50", "q95", "sd", "mcse", "q25", "q75")
ERRORS = frozenset({"mcse"})
"""Numbers that are small beside the others: decimals would leave nothing of them."""
COLUMNS = ("year", "kind", "name", *NUMBERS)

Result = Mapping[str, Any]
Model = Mapping[str, Any]
Row = dict[str, Any]


def result_rows(result: Result) -> Iterator[Row]:
    """Every mean of a result with its quantiles, year by year.

    Kinds are scenario, hypothesis (P(A)), cluster (probabilities all), and entropy (bits, without a name). Standard
    deviation, standard error and quartiles are there for what the result has them for, at its target year.
    """
    target = result["metadata"]["target_year"]
    errors = {named["name"]: {"mcse": named["mcse"]} for named in result["clusters"]["named"]}
    at_target = {
        "scenario": result["scenario_intervals"],
        "hypothesis": result["hypothesis_intervals"],
        "cluster": errors,
    }
    for entry in result["temporal_evolution"]:
        found = {
            "scenario": _joined(entry["scenarios"], entry["intervals"]),
            "hypothesis": entry["hypotheses"],
            "cluster": _joined(entry["clusters"], entry["cluster_intervals"]),
        }
        for kind, things in found.items():
            for name, numbers in things.items():
                more = at_target[kind][name] if entry["year"] == target else {}
                yield {"year": entry["year"], "kind": kind, "name": name, **more, **numbers}
        yield {"year": entry["year"], "kind": "entropy", "name": "", "mean": entry["entropy_bits"]}


def to_json(result: Result, document: Model | None) -> bytes:
    """The result document, with its model document where that is given: `simulate --verify` repeats it."""
    whole = result if document is None else self_contained(document, result)
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def to_csv(result: Result, document: Model | None) -> bytes:
    """Rows with the configured number of decimals; standard errors with as many significant digits."""
    output = get_config().output
    decimals, digits = ("e", "e") if output.scientific_notation else ("f", "g")
    forms = {name: f".{output.precision}{digits if name in ERRORS else decimals}" for name in NUMBERS}
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in result_rows(result):
        writer.writerow(
            {key: format(value, forms[key]) if key in forms else guarded(value) for key, value in row.items()}
        )
    return file.getvalue().encode()


def to_parquet(result: Result, document: Model | None) -> bytes:
    """Rows with full numbers; the schema's metadata say what they were computed from."""
    rows = list(result_rows(result))
    words = pa.dictionary(pa.int32(), pa.string())
    fields = [("year", pa.int32()), ("kind", words), ("name", words), *((name, pa.float64()) for name in NUMBERS)]
    facts = {"schema": result["schema"], **result["metadata"]}
    metadata = {f"aifutures.{key}": _fact(value) for key, value in facts.items()}
    table = pa.Table.from_pylist(rows, pa.schema(fields, metadata))
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


class Writer(NamedTuple):
    """A form of export: its media type, and the function that makes it of a result and, perhaps, its model."""

    media_type: str
    write: Callable[[Result, Model | None], bytes]


WRITERS: Mapping[str, Writer] = {
    "json": Writer("application/json", to_json),
    "csv": Writer("text/csv; charset=utf-8", to_csv),
    "parquet": Writer("application/vnd.apache.parquet", to_parquet),
}


def _joined(means: Mapping[str, float], intervals: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {"mean": mean, **intervals[name]} for name, mean in means.items()}


def _fact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
