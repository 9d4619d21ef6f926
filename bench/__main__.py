"""`python -m bench [--quick]`: one table of speed and memory; exit 1 if a peer is too near or disagrees."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from analysis.engine.spec import ModelDocument, parse_model

from . import measure, sensitivity
from .eight import FEEDBACK, eight_hypotheses
from .measure import MILLION, Peer
from .peer import Sums, peer_model

CORES = os.cpu_count() or 1
STANDARD_ERRORS = 5.0


class Row(NamedTuple):
    """A line of the table; `missed` is None where nothing is asked, and `gate` says whether missing it is an error."""

    what: str
    measured: str
    asked: str = ""
    missed: bool | None = None
    gate: bool = False


def main() -> int:
    """Measure, print each row as soon as it is known, and tell by the exit code whether the gates were met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what decides the exit code, in less than a minute")
    quick = parser.parse_args().quick
    print(f"Published study, {CORES} cores, {platform.machine()}, Python {platform.python_version()}; medians of three")
    print(f"{'':<64} {'measured':>18}  asked")
    failed = False
    with as_file(files("analysis.seeds").joinpath("published_study.json")) as path:
        for row in rows(path, quick):
            note = "" if row.missed is None else "  MISSED" if row.missed else "  ok"
            print(f"{row.what:<64} {row.measured:>18}  {row.asked}{note}", flush=True)
            failed |= row.gate and bool(row.missed)
    return int(failed)


def rows(path: Path, quick: bool) -> Iterator[Row]:
    """All measurements, in an order in which none disturbs the next."""
    document = parse_model(path.read_bytes())
    if not quick:
        # first: a new process starts its count of peak memory from that of the one that starts it
        yield from processes(path)
    one, five = (measure.engine(document, k * MILLION) for k in (1, 5))
    ours = (five - one) / 4
    yield at_most("Engine: per further million iterations", ours, 0.8, "s")
    if not quick:
        yield from scaling(document, one, five)
        yield from samplers(document)
        yield from larger(document, ours)
    yield at_most("What-if: 4,096 iterations, all years, 2 threads", 1e3 * measure.what_ifs(document, 2), 60, "ms")
    yield from study(document)
    yield from peers(document, ours)


def study(document: ModelDocument) -> Iterator[Row]:
    """The default Sobol' study, and the same under SALib."""
    own, peer = sensitivity.ours(document), sensitivity.salib(document)
    yield at_most("Sobol' study, 35 parameters, 73,728 evaluations", own.seconds, 2.0, "s")
    yield Row("The same with SALib and NumPy", f"{peer.seconds:.2f} s")
    ratio = peer.seconds / own.seconds
    yield Row("SALib and NumPy: times as long", f"{ratio:.1f}", "at least 20", ratio < 20, True)
    apart = float(np.abs(own.total - peer.total).max())
    yield Row(
        "SALib and NumPy: largest difference of a total order", f"{apart:.4f}", "at most 0.02", apart > 0.02, True
    )


def processes(path: Path) -> Iterator[Row]:
    """Memory and start of fresh processes."""
    measure.fresh(path, 100_000)
    starts = [measure.fresh(path, 100_000)[0] for _ in range(measure.REPEATS)]
    yield at_most("Engine: 100,000 iterations in a new process", median(starts), 3.0, "s")
    for millions in (1, 20):
        peak = measure.fresh(path, millions * MILLION)[1] / 1e6
        yield at_most(f"Engine: peak memory, {millions} million iterations", peak, 600, "MB")

    with tempfile.TemporaryDirectory() as folder:
        larger_path = Path(folder) / "eight.json"
        larger_path.write_text(json.dumps(eight_hypotheses(parse_model(path.read_bytes()), "two pairs").to_json()))
        for millions in (1, 4):
            peak = measure.fresh(larger_path, millions * MILLION)[1] / 1e6
            yield at_most(f"8 hypotheses: peak memory, {millions} million iterations", peak, 600, "MB")


def larger(document: ModelDocument, ours: float) -> Iterator[Row]:
    """256 scenarios; the larger the circle, the more states its feedback has to settle."""
    for feedback in FEEDBACK:
        ratio = measure.per_million(eight_hypotheses(document, feedback)) / ours
        asked = () if feedback == "a circle of four" else ("at most 6", ratio > 6)
        yield Row(f"8 hypotheses, feedback in {feedback}: times as long", f"{ratio:.1f}", *asked)


def scaling(document: ModelDocument, one: float, five: float) -> Iterator[Row]:
    """Linearity in the iterations, and threads."""
    for millions, taken in ((1, one), (5, five), (20, measure.engine(document, 20 * MILLION))):
        yield Row(f"Engine: {millions} million iterations", f"{taken:.2f} s, {taken / millions:.3f} s/M")
    alone = 0.0
    for threads in (threads for threads in (1, 2, 4) if threads <= CORES):
        one, three = (measure.engine(document, k * MILLION, threads) for k in (1, 3))
        slope = (three - one) / 2
        alone = alone or slope
        yield Row(f"Engine: {threads} thread{'s' * (threads > 1)}", f"{slope:.3f} s/M, {alone / slope:.2f}x")


def samplers(document: ModelDocument) -> Iterator[Row]:
    """Random numbers alone."""
    for name, nanoseconds in measure.sampling(document).items():
        yield Row(f"A standard normal on one core: {name}", f"{nanoseconds:.2f} ns")


def peers(document: ModelDocument, ours: float) -> Iterator[Row]:
    """The peers' speed, how much faster the engine is, and whether they find the same."""
    model, truth = peer_model(document), measure.probabilities(document, MILLION)
    yield from compared("NumPy", measure.plain_numpy_peer(model), ours, truth, 40)
    yield from compared("NumPy, tuned by hand", measure.numpy_peer(model), ours, truth)
    # all of JAX last, and its plain form after the tuned one, which has to say how many devices there are
    tuned, cores = measure.jax_peer(model)
    yield from compared("JAX", measure.plain_jax_peer(model), ours, truth, 15)
    yield from compared(f"JAX, tuned by hand, {cores} devices", tuned, ours, truth)


def compared(name: str, peer: Peer, ours: float, truth: Sums, wanted: float | None = None) -> Iterator[Row]:
    """A peer's rows; `wanted` is the ratio that is asked for, if one is."""
    yield Row(f"{name}: per million, chunks of {peer.chunk}", f"{peer.seconds_per_million:.2f} s")
    ratio = peer.seconds_per_million / ours
    asked = () if wanted is None else (f"at least {wanted:g}", ratio < wanted, True)
    yield Row(f"{name}: times as long as the engine", f"{ratio:.1f}", *asked)
    apart = np.abs(peer.mean - truth)
    errors = float((apart / peer.error).max())
    yield Row(
        f"{name}: largest difference of a scenario",
        f"{apart.max():.1e}, {errors:.1f} SE",
        f"at most {STANDARD_ERRORS:g} SE",
        errors > STANDARD_ERRORS,
        True,
    )


def at_most(what: str, value: float, limit: float, unit: str) -> Row:
    """A measurement with a limit that is told, but decides nothing: machines differ."""
    return Row(what, f"{value:.{2 if unit == 's' else 0}f} {unit}", f"at most {limit:g} {unit}", value > limit)


if __name__ == "__main__":
    sys.exit(main())
