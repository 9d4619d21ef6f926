"""The causal network (MODEL.md 3): feedback cut, components, and the tables the kernel walks through.

States are counted with outcome A as 0 and B as 1, the first hypothesis slowest. `Plan` holds one layer per span of
years between which the set of interventions does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .spec import InfluenceSpec, ModelDocument

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

FLOAT32_REACH = 25.0
"""Log-odds that influences may add before the kernel's clamp at +-43 could show in float32 (below 2e-8)."""


class Edges(NamedTuple):
    """The influences as numbers, one entry each in listed order (those cut by the causal model have slope 0).

    `slope` = m s_e (+1 if the source outcome is A else -1): what the draw w_e adds to the log-odds of the target as
    the source goes from B to A. `offset` = m s_e (1 - c) where the source outcome is B; `mirror` the same with
    source and target exchanged, for the symmetric log-linear form. `strength` is the nominal w_e.
    """

    source: Ints
    target: Ints
    strength: Floats
    slope: Floats
    offset: Floats
    mirror: Floats


class Plan(NamedTuple):
    """How the joint is built, per span k of years (arrays padded to the largest span).

    The log-linear model has no parents and children: its plan is that of a network without influences.

    first_year[k] index of the span's first year (one more entry closes the last) | components[k] their number
    order[k, i]   hypothesis at position i, component after component
    size[k, c]    members of component c | table[k, c] its first row in the joint table (used if size > 1)
    parents[k, h, :n_parents[k, h]] hypotheses with an influence into h | row[k, h] first row of its conditional table:
                  rows row + 2 cfg (A) and + 1 (B), bit j of cfg set when parent j has outcome A
    fixed[k, h]   0 or 1 when h is set to A or B, else -1
    expand[k, c, x] first table row for the children of partial state x | configurations[k, c] of outside parents
    member_row[k, h, o 2^size + y] row of P(h = A) given outside configuration o and component state y
    scenario[k, i] scenario index of full state i in the order of `order`
    rows          rows of the table, over all spans
    """

    first_year: Ints
    components: Ints
    order: Ints
    size: Ints
    table: Ints
    parents: Ints
    n_parents: Ints
    row: Ints
    fixed: Ints
    expand: Ints
    configurations: Ints
    member_row: Ints
    scenario: Ints
    rows: int


def kept_influences(document: ModelDocument) -> list[bool]:
    """Which influences the causal model keeps, in listed order (MODEL.md 3).

    `independent` keeps none; `bayesian_network` (and feedback switched off) takes them by falling nominal strength
    and skips each that would close a cycle; the other models keep all.
    """
    causal = document.settings.causal_network
    influences = document.influences
    if causal.model == "independent":
        return [False] * len(influences)
    if causal.model == "log_linear" or (causal.model == "dependency_network" and causal.enable_feedback_loops):
        return [True] * len(influences)
    children: dict[str, set[str]] = {code: set() for code in document.codes}
    kept = [False] * len(influences)
    for index in sorted(range(len(influences)), key=lambda i: -influences[i].strength):
        influence = influences[index]
        if not _reaches(children, influence.target, influence.source):
            children[influence.source].add(influence.target)
            kept[index] = True
    return kept


def _reaches(children: dict[str, set[str]], start: str, goal: str) -> bool:
    seen, stack = set(), [start]
    while stack:
        node = stack.pop()
        if node == goal:
            return True
        if node not in seen:
            seen.add(node)
            stack.extend(children[node])
    return False


def edges(document: ModelDocument) -> Edges:
    """The influences as arrays, multiplier and centring included."""
    causal = document.settings.causal_network
    position = {code: index for index, code in enumerate(document.codes)}
    kept = np.array(kept_influences(document), dtype=float)
    listed = document.influences
    source_sign = np.array([_sign(e.source_outcome) for e in listed], dtype=float)
    target_sign = np.array([_sign(e.target_outcome) for e in listed], dtype=float)
    uncentred = 0.0 if causal.center_influences else 1.0
    scale = causal.strength_multiplier * kept
    return Edges(
        source=np.array([position[e.source] for e in listed], dtype=np.int32),
        target=np.array([position[e.target] for e in listed], dtype=np.int32),
        strength=np.array([e.strength for e in listed], dtype=float),
        slope=scale * source_sign * target_sign,
        offset=scale * uncentred * target_sign * (source_sign < 0),
        mirror=scale * uncentred * source_sign * (target_sign < 0),
    )


def _sign(outcome: str) -> int:
    return 1 if outcome == "A" else -1


def largest_pull(document: ModelDocument) -> float:
    """What influences can add to log-odds together, nearly always (6 sigma).

    Into one hypothesis; in the log-linear model, where a scenario feels them all, in the whole network.
    """
    links, causal = edges(document), document.settings.causal_network
    pull = np.bincount(links.target, np.abs(links.slope) * links.strength, len(document.codes))
    together = pull.sum() if causal.model == "log_linear" else pull.max(initial=0.0)
    return float(together) * (1 + 6 * causal.strength_cv)


def spans(document: ModelDocument) -> list[tuple[int, dict[int, int]]]:
    """(index of the first year, {hypothesis: 0 for A or 1 for B} set from then on) for each span of years."""
    position = {code: index for index, code in enumerate(document.codes)}
    set_from = [
        (i.from_year - document.base_year, position[i.hypothesis], i.outcome) for i in document.run.interventions
    ]
    starts = sorted({0, *(year for year, _, _ in set_from)})
    return [
        (start, {node: int(outcome == "B") for year, node, outcome in set_from if year <= start}) for start in starts
    ]


def compile_plan(document: ModelDocument) -> Plan:
    """Components, tables and index maps of every span of years, as arrays for the kernel."""
    n = len(document.codes)
    walked = document.settings.causal_network.model != "log_linear"
    kept = [e for e, keep in zip(document.influences, kept_influences(document), strict=True) if keep and walked]
    layers = [_Layer(n, _parent_sets(document, kept, fixed), fixed) for _, fixed in spans(document)]
    count = len(layers)
    plan = Plan(
        first_year=np.array([start for start, _ in spans(document)] + [len(document.years)], dtype=np.int32),
        components=np.array([len(layer.components) for layer in layers], dtype=np.int32),
        order=np.array([layer.order for layer in layers], dtype=np.int32),
        size=np.zeros((count, n), dtype=np.int32),
        table=np.zeros((count, n), dtype=np.int32),
        parents=np.zeros((count, n, n), dtype=np.int32),
        n_parents=np.array([[len(p) for p in layer.parents] for layer in layers], dtype=np.int32),
        row=np.array([layer.row for layer in layers], dtype=np.int32),
        fixed=np.array([[layer.fixed.get(h, -1) for h in range(n)] for layer in layers], dtype=np.int32),
        expand=np.zeros((count, n, 2**n), dtype=np.int32),
        configurations=np.zeros((count, n), dtype=np.int32),
        member_row=np.zeros((count, n, 2**n), dtype=np.int32),
        scenario=np.array([layer.scenario() for layer in layers], dtype=np.int32),
        rows=max(layer.rows for layer in layers),
    )
    for k, layer in enumerate(layers):
        for h, parents in enumerate(layer.parents):
            plan.parents[k, h, : len(parents)] = parents
        for c, members in enumerate(layer.components):
            plan.size[k, c] = len(members)
            plan.table[k, c] = layer.table[c]
            plan.configurations[k, c] = 2 ** len(layer.outside(members))
            rows = list(layer.expand_rows(c))
            plan.expand[k, c, : len(rows)] = rows
            for member in members:
                maps = list(layer.member_rows(members, member))
                plan.member_row[k, member, : len(maps)] = maps
    return plan


def _parent_sets(document: ModelDocument, kept: Iterable[InfluenceSpec], fixed: dict[int, int]) -> list[list[int]]:
    position = {code: index for index, code in enumerate(document.codes)}
    parents: list[set[int]] = [set() for _ in document.codes]
    for influence in kept:
        if position[influence.target] not in fixed:
            parents[position[influence.target]].add(position[influence.source])
    return [sorted(group) for group in parents]


def components_in_order(parents: list[list[int]]) -> list[list[int]]:
    """Strongly connected components, members in hypothesis order, every component after those it depends on."""
    n = len(parents)
    pairs = [(parent, child) for child, group in enumerate(parents) for parent in group]
    rows, columns = (np.array(side, dtype=int) for side in (zip(*pairs, strict=True) if pairs else ((), ())))
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(n, n))
    _, label = connected_components(graph, directed=True, connection="strong")
    waiting = {int(mark): [h for h in range(n) if label[h] == mark] for mark in label}
    done: set[int] = set()
    ordered = []
    while waiting:
        ready = min(
            mark
            for mark, members in waiting.items()
            if all(parent in done or parent in members for h in members for parent in parents[h])
        )
        ordered.append(waiting.pop(ready))
        done.update(ordered[-1])
    return ordered


class _Layer:
    """One span of years: components in topological order and the numbering of table rows."""

    def __init__(self, n: int, parents: list[list[int]], fixed: dict[int, int]) -> None:
        self.n = n
        self.parents = parents
        self.fixed = fixed
        self.components = components_in_order(parents)
        self.order = [h for members in self.components for h in members]
        self.row, self.rows = [0] * n, 0
        for h in range(n):
            self.row[h] = self._reserve(2 * 2 ** len(parents[h]))
        self.table = [
            self._reserve(2 ** len(members) * 2 ** len(self.outside(members))) if len(members) > 1 else 0
            for members in self.components
        ]

    def _reserve(self, rows: int) -> int:
        first, self.rows = self.rows, self.rows + rows
        return first

    def outside(self, members: list[int]) -> list[int]:
        """Parents of the component that are not in it."""
        return sorted({parent for h in members for parent in self.parents[h]} - set(members))

    def _configuration(self, h: int, is_a: dict[int, bool]) -> int:
        return sum(1 << j for j, parent in enumerate(self.parents[h]) if is_a[parent])

    def expand_rows(self, c: int) -> Iterator[int]:
        """First table row of the children of every partial state before component c."""
        members = self.components[c]
        before = [h for group in self.components[:c] for h in group]
        outside = self.outside(members)
        for state in range(2 ** len(before)):
            is_a = _outcomes(before, state)
            if len(members) == 1:
                yield self.row[members[0]] + 2 * self._configuration(members[0], is_a)
            else:
                chosen = sum(1 << j for j, parent in enumerate(outside) if is_a[parent])
                yield self.table[c] + chosen * 2 ** len(members)

    def member_rows(self, members: list[int], member: int) -> Iterator[int]:
        """Row of P(member = A | outside configuration, component state), the configuration slowest."""
        if len(members) == 1:
            return
        outside = self.outside(members)
        for chosen in range(2 ** len(outside)):
            outer = {parent: bool(chosen >> j & 1) for j, parent in enumerate(outside)}
            for state in range(2 ** len(members)):
                yield self.row[member] + 2 * self._configuration(member, outer | _outcomes(members, state))

    def scenario(self) -> list[int]:
        """Scenario index (hypothesis order) of every state counted in the order of this layer."""
        indices = []
        for state in range(2**self.n):
            is_a = _outcomes(self.order, state)
            indices.append(sum(0 if is_a[h] else 1 << (self.n - 1 - h) for h in range(self.n)))
        return indices


def _outcomes(hypotheses: list[int], state: int) -> dict[int, bool]:
    """Whether each hypothesis has outcome A in a state counted with the first one slowest."""
    last = len(hypotheses) - 1
    return {h: not state >> (last - i) & 1 for i, h in enumerate(hypotheses)}
