"""Feedback in the causal network: which hypotheses come back to themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

MOST = 20
"""Loops that are told one by one, the shortest first."""


def loops(arrows: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The shortest loops of a directed graph, each once, from its smallest member; at most `MOST`."""
    children: dict[int, set[int]] = {}
    for source, target in arrows:
        children.setdefault(source, set()).add(target)
    return list(islice(_by_length(children), MOST))


def looping(arrows: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the arrows that lie on a loop."""
    found = set(arrows)
    children: dict[int, set[int]] = {}
    for source, target in found:
        children.setdefault(source, set()).add(target)
    reached = {node: _reached(children, node) for node in children}
    return {(source, target) for source, target in found if source in reached.get(target, ())}


def _by_length(children: dict[int, set[int]]) -> Iterator[tuple[int, ...]]:
    paths: list[tuple[int, ...]] = [(node,) for node in sorted(children)]
    while paths:
        longer = []
        for path in paths:
            for child in sorted(children.get(path[-1], ())):
                if child == path[0]:
                    yield path
                elif child > path[0] and child not in path:
                    longer.append((*path, child))
        paths = longer


def _reached(children: dict[int, set[int]], start: int) -> set[int]:
    seen: set[int] = set()
    stack = [start]
    while stack:
        for child in children.get(stack.pop(), ()):
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return seen
