"""What a terminal shows of a run: a progress bar while it goes, tables when it has ended."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from analysis.engine.simulate import Progress
from analysis.wording import percent, percent_range

WIDTH = 28
LINES_EVERY = 5.0
"""Seconds between the plain lines that take the bar's place where there is no terminal."""
_NOT_SHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters (Unicode, section 4.5) that a terminal obeys, or does not show."""


class Output(Protocol):
    """Django's OutputWrapper, as far as it is used here."""

    def write(self, msg: str = "", style_func: Any = None, ending: str | None = None) -> None:
        """Write a line, or a part of one with another `ending`."""

    def flush(self) -> None:
        """Show it now."""

    def isatty(self) -> bool:
        """Whether a person is looking."""


class ProgressBar:
    """A bar that is drawn over itself on a terminal, and plain lines now and then elsewhere."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._live = output.isatty()
        self._shown_at = float("-inf")
        self._drawn = 0
        self._ended = False

    def show(self, progress: Progress) -> None:
        """Draw a snapshot of the run."""
        self.step(progress.completed, progress.total, _figures(progress))

    def step(self, completed: int, total: int, words: str) -> None:
        """Draw how much of anything is done, and `words` about it."""
        if self._ended:
            return
        done = completed >= total
        if self._live:
            self._draw(f"{_bar(completed / total)} {words}")
            if done:
                self.end()
        elif done or time.monotonic() - self._shown_at >= LINES_EVERY:
            self._shown_at = time.monotonic()
            self._output.write(words)
            self._output.flush()
            self._ended = done

    def end(self) -> None:
        """Leave the bar as it is and go on below it; also of a run that ends early."""
        if self._live and self._drawn and not self._ended:
            self._output.write()
        self._ended = True

    def say(self, text: str) -> None:
        """A line in place of the bar."""
        if self._live:
            self._draw(text)
        else:
            self._output.write(text)

    def clear(self) -> None:
        """Take the bar away."""
        if self._live:
            self._draw("")
            self._output.write("\r", ending="")

    def _draw(self, text: str) -> None:
        self._output.write("\r" + text.ljust(self._drawn), ending="")
        self._output.flush()
        self._drawn = len(text)


def _bar(share: float) -> str:
    filled = round(WIDTH * share)
    return "█" * filled + "░" * (WIDTH - filled)


def _figures(progress: Progress) -> str:
    share = f"{100 * progress.completed / progress.total:3.0f} %"
    rate = f"{progress.rate / 1e6:.2f} M/s"
    left = f"{_duration(progress.eta_seconds)} left" if progress.completed < progress.total else "done"
    count = f"{progress.completed:,} of {progress.total:,} iterations"
    return f"{share}  {count}  {rate}  {left}  half-width {progress.max_half_width:.1e}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def summary(document: Mapping[str, Any], result: Mapping[str, Any], titles: Mapping[str, str] | None = None) -> str:
    """The tables at the end of a run: scenarios, hypotheses, clusters, convergence.

    `document` and `result` are a model and its result as plain JSON; `titles` names scenarios where that is known.
    """
    year = result["metadata"]["target_year"]
    then = next(entry for entry in result["temporal_evolution"] if entry["year"] == year)
    parts = [
        f"Most likely scenarios in {year} (mean, 90 % interval)",
        table(_scenario_rows(document, result, titles or {}), words_last=True),
        f"Hypotheses in {year}",
        table(_hypothesis_rows(document, then), words_last=True),
        f"Clusters in {year}",
        table(
            (name, percent(mean), _interval(then["cluster_intervals"][name])) for name, mean in then["clusters"].items()
        ),
        _convergence(result),
    ]
    return "\n\n".join(parts)


def _scenario_rows(
    document: Mapping[str, Any], result: Mapping[str, Any], titles: Mapping[str, str], count: int = 10
) -> Iterable[Sequence[str]]:
    found = result["scenario_probabilities"]
    reported = [row for row in document["hypotheses"] if row["code"] in result["metadata"]["hypotheses"]]
    for code in sorted(found, key=lambda code: -found[code])[:count]:
        interval = result["scenario_intervals"][code]
        words = "; ".join(
            row["outcome_a" if letter == "A" else "outcome_b"] or f"{row['code']}={letter}"
            for letter, row in zip(code, reported, strict=True)
        )
        yield code, percent(found[code]), _interval(interval), titles.get(code, words)


def _hypothesis_rows(document: Mapping[str, Any], then: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    for row in document["hypotheses"]:
        if (found := then["hypotheses"].get(row["code"])) is not None:
            name = f"{row['code']} {row['label']}".strip()
            yield name, percent(found["mean"]), _interval(found), row["outcome_a"] or f"{row['code']}=A"


def _interval(found: Mapping[str, float]) -> str:
    return percent_range(found["q05"], found["q95"])


def _convergence(result: Mapping[str, Any]) -> str:
    found, metadata = result["convergence"], result["metadata"]
    word = "Converged" if found["converged"] else "Not converged"
    sign = "<" if found["converged"] else ">="
    return (
        f"{word}: the largest 95 % half-width is {found['max_half_width']:.1e} {sign} {found['threshold']:g}, after "
        f"{found['iterations']:,} iterations in {result['computation_time']:.1f} s on {metadata['threads']} threads.\n"
        f"Input {metadata['input_hash'][:16]}, seed {metadata['seed']}, {metadata['sampler']}, "
        f"{metadata['dtype']}, engine {metadata['engine_version']}: the same input gives the same numbers."
    )


def printable(text: str, longest: int | None = None) -> str:
    """Text from data in one line that leaves the terminal as it is, cut to `longest` characters where that is given.

    Controls, line ends, marks of writing direction and whatever else shows nothing are written as escapes.
    """
    shown = text if longest is None or len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _NOT_SHOWN else each for each in shown
    )


def table(rows: Iterable[Sequence[str]], *, words_last: bool = False) -> str:
    """Rows with their columns aligned: names to the left, figures to the right, and words in the last to the left."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_left = {0, len(widths) - 1} if words_last else {0}
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if column in to_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in lines
    )
