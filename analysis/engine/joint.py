"""The exact joint of one year for a block of draws (MODEL.md 3): conditionals, components, the log-linear form.

`program` is a `kernel.Program`, `space` a `kernel.Workspace`; rows of 256 draws lie side by side in memory. The hot
functions take bare arrays: passing a whole program costs more than the arithmetic of a small loop.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np
from numba import njit

from .elementary import exp
from .sampling import BLOCK

FAST = {"contract"}
SUM = {"contract", "reassoc"}
"""Sums over lanes may be reordered, so that they vectorise; the order is fixed once compiled."""


@njit(cache=True, error_model="numpy", fastmath=FAST)
def lifts(program, span, space):
    """exp(-sum of the parents' pulls) for every configuration of parents of every hypothesis."""
    plan, clamp = program.plan, program.clamp
    f = space.inputs.dtype.type
    for h in range(program.mu.size):
        row = plan.row[span, h]
        for j in range(BLOCK):
            space.lift[row, j] = f(0.0)
        for k in range(plan.n_parents[span, h]):
            parent = plan.parents[span, h, k]
            for cfg in range(1 << k):
                for j in range(BLOCK):
                    space.lift[row + (1 << k) + cfg, j] = space.lift[row + cfg, j] + space.pull[h, parent, j]
        for cfg in range(1 << plan.n_parents[span, h]):
            for j in range(BLOCK):
                space.lift[row + cfg, j] = exp(max(min(-space.lift[row + cfg, j], clamp), -clamp))


@njit(cache=True, error_model="numpy", fastmath=FAST)
def conditionals(span, fixed, row, parents, n_parents, centre, clamp, level, offset, pull, marginal, lift, table, work):
    """P(h = A | parents) and P(h = B | parents) for every configuration (MODEL.md 3), into `table`."""
    f = level.dtype.type
    one = f(1.0)
    for h in range(level.shape[0]):
        first = row[span, h]
        if fixed[span, h] >= 0:
            for j in range(BLOCK):
                table[first, j] = one - f(fixed[span, h])
                table[first + 1, j] = f(fixed[span, h])
            continue
        for j in range(BLOCK):
            work[0, j] = -(level[h, j] + offset[h, j])
        for k in range(n_parents[span, h]):
            parent = parents[span, h, k]
            for j in range(BLOCK):
                work[0, j] += centre * pull[h, parent, j] * marginal[parent, j]
        for j in range(BLOCK):
            work[0, j] = exp(max(min(work[0, j], clamp), -clamp))
        for cfg in range(1 << n_parents[span, h]):
            for j in range(BLOCK):
                odds = work[0, j] * lift[first + cfg, j]
                p = one / (one + odds)
                table[first + 2 * cfg, j] = p
                table[first + 2 * cfg + 1, j] = odds * p


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _pair(table, work, row, a_if_a, a_if_b, b_if_a, b_if_b):
    """Stationary distribution of two members under the scan first, second; closed form of MODEL.md 3's kernel.

    The arguments are table rows: where the joint goes, and P(first = A | second), P(second = A | first). A sweep moves
    the first member B -> A with probability `rise` and A -> B with `fall`.
    """
    # one store a loop: LLVM gives up on vectorising where it would have to rule out too many overlaps
    one = table.dtype.type(1.0)
    for j in range(BLOCK):
        work[0, j] = table[a_if_a, j] * table[b_if_b, j] + table[a_if_b, j] * table[b_if_b + 1, j]
    for j in range(BLOCK):
        work[1, j] = table[a_if_a + 1, j] * table[b_if_a, j] + table[a_if_b + 1, j] * table[b_if_a + 1, j]
    for j in range(BLOCK):
        rise, fall = work[0, j], work[1, j]
        share = one / (rise + fall)
        work[0, j] = rise * share
        work[1, j] = fall * share
    for y in range(2):
        for j in range(BLOCK):
            table[row + y, j] = work[0, j] * table[b_if_a + y, j]
        for j in range(BLOCK):
            table[row + 2 + y, j] = work[1, j] * table[b_if_b + y, j]


@njit(cache=True)
def _feedback(program, span, c, first, space):
    """Exact systematic-scan Gibbs sweeps over a component of three or more, each lane until it stands still."""
    plan = program.plan
    size = plan.size[span, c]
    states = 1 << size
    for cfg in range(plan.configurations[span, c]):
        row = plan.table[span, c] + cfg * states
        _start(plan.order[span, first : first + size], row, space.marginal, space.table, space.work)
        sweep = 0
        moving = True
        while moving and sweep < program.sweeps:
            sweep += 1
            space.work[4 : 4 + states] = space.table[row : row + states]
            for i in range(size):
                _rescan(plan.member_row[span, plan.order[span, first + i]], cfg * states, size, i, space)
            moving = _settle(row, states, program.epsilon, space.table, space.work)
        space.sweeps[0] = max(space.sweeps[0], sweep)
        space.sweeps[1] += moving


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _start(members, row, marginal, table, work):
    """The members' product of sigmoid(theta) into the joint's rows; every lane active (`work` row 1)."""
    size = members.size
    for state in range(1 << size):
        for j in range(BLOCK):
            table[row + state, j] = table.dtype.type(1.0)
        for i in range(size):
            side = members[i] if not state >> (size - 1 - i) & 1 else marginal.shape[0] // 2 + members[i]
            for j in range(BLOCK):
                table[row + state, j] *= marginal[side, j]
    work[1] = table.dtype.type(1.0)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _settle(row, states, epsilon, table, work):
    """Take over a sweep's outcome in the active lanes; lanes that it hardly changed rest. Whether any goes on."""
    f = table.dtype.type
    work[0] = f(0.0)
    for state in range(states):
        for j in range(BLOCK):
            work[0, j] = max(work[0, j], abs(work[4 + state, j] - table[row + state, j]))
        for j in range(BLOCK):
            table[row + state, j] = work[4 + state, j] if work[1, j] > f(0.0) else table[row + state, j]
    moving = False
    for j in range(BLOCK):
        work[1, j] = work[1, j] if work[0, j] >= epsilon else f(0.0)
        moving = moving or work[1, j] > f(0.0)
    return moving


@njit(cache=True, error_model="numpy", fastmath=FAST, inline="always")
def _rescan(member_row, start, size, i, space):
    """Draw member i anew from its conditional, exactly: move mass between the two states that differ in it."""
    bit = 1 << (size - 1 - i)
    for state in range(1 << size):
        if not state & bit:
            row = member_row[start + state]
            for j in range(BLOCK):
                mass = space.work[4 + state, j] + space.work[4 + state + bit, j]
                space.work[4 + state, j] = mass * space.table[row, j]
                space.work[4 + state + bit, j] = mass * space.table[row + 1, j]


@njit(cache=True)
def components(program, span, space):
    """Joint tables of the components with feedback."""
    plan = program.plan
    first = 0
    for c in range(plan.components[span]):
        size = plan.size[span, c]
        if size == 2:
            a, b = plan.order[span, first], plan.order[span, first + 1]
            for cfg in range(plan.configurations[span, c]):
                _pair(
                    space.table,
                    space.work,
                    plan.table[span, c] + 4 * cfg,
                    plan.member_row[span, a, 4 * cfg],
                    plan.member_row[span, a, 4 * cfg + 1],
                    plan.member_row[span, b, 4 * cfg],
                    plan.member_row[span, b, 4 * cfg + 2],
                )
        elif size > 2:
            _feedback(program, span, c, first, space)
        first += size


@njit(cache=True, error_model="numpy", fastmath=FAST)
def expand_components(span, upto, size, expand, table, state):
    """Multiply out the components before `upto` into `state`, in the layer's order. Gives the number of states."""
    states = 1
    for j in range(BLOCK):
        state[0, j] = table.dtype.type(1.0)
    for c in range(upto):
        children = 1 << size[span, c]
        for x in range(states - 1, -1, -1):
            row = expand[span, c, x]
            for y in range(children - 1, -1, -1):
                for j in range(BLOCK):
                    state[x * children + y, j] = state[x, j] * table[row + y, j]
        states *= children
    return states


@njit(cache=True, error_model="numpy", fastmath=SUM)
def add_children(span, last, states, size, expand, scenario, table, state, sums, year):
    """Multiply out the last component and add the sum over the lanes to sums [T, S], in one pass."""
    children = 1 << size[span, last]
    for x in range(states):
        row = expand[span, last, x]
        for y in range(children):
            total = table.dtype.type(0.0)
            for j in range(BLOCK):
                total += state[x, j] * table[row + y, j]
            sums[year, scenario[span, x * children + y]] += total


@njit(cache=True, error_model="numpy", fastmath=FAST)
def couplings(program, span, space):
    """Log-linear model: symmetric couplings (less the influences into a set hypothesis) and their sum per scenario."""
    f = space.inputs.dtype.type
    fixed = program.plan.fixed
    n = program.mu.size
    for h in range(n):
        for other in range(n):
            into_h = f(1.0) if fixed[span, h] < 0 else f(0.0)
            into_other = f(1.0) if fixed[span, other] < 0 else f(0.0)
            for j in range(BLOCK):
                space.couple[h, other, j] = into_h * space.pull[h, other, j] + into_other * space.pull[other, h, j]
    space.lift[0] = f(0.0)
    for h in range(n):
        for x in range((1 << h) - 1, -1, -1):
            space.lift[2 * x + 1] = space.lift[x]
            space.lift[2 * x] = space.lift[x]
            for other in range(h):
                if not x >> (h - 1 - other) & 1:
                    for j in range(BLOCK):
                        space.lift[2 * x, j] += space.couple[h, other, j]


@njit(cache=True)
def log_linear(program, span, space):
    """The symmetric cross-impact joint (MODEL.md 3) into `state`: exponentials of energies, less the largest."""
    _energies(
        program.plan.fixed[span], program.centre, space.level, space.marginal, space.offset, space.mirror,
        space.couple, space.state, space.work,
    )  # fmt: skip
    _normalise(program.plan.fixed[span], -2 * program.clamp, space.lift, space.state, space.work)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _energies(fixed, centre, level, marginal, offset, mirror, couple, state, work):
    """Energy of every scenario without the couplings among outcomes A: the sum of its hypotheses' fields."""
    f = level.dtype.type
    n = level.shape[0]
    state[0] = f(0.0)
    for h in range(n):
        free = f(1.0) if fixed[h] < 0 else f(0.0)
        for j in range(BLOCK):
            work[0, j] = level[h, j] + free * offset[h, j]
        for other in range(n):
            mirrored = f(1.0) if fixed[other] < 0 else f(0.0)
            for j in range(BLOCK):
                work[0, j] -= centre * couple[h, other, j] * marginal[other, j]
                work[0, j] += mirrored * mirror[other, h, j]
        # less max(field, 0) on both sides, so that likely scenarios keep small energies and float32 its digits
        for x in range((1 << h) - 1, -1, -1):
            for j in range(BLOCK):
                state[2 * x + 1, j] = state[x, j] + min(-work[0, j], f(0.0))
            for j in range(BLOCK):
                state[2 * x, j] = state[x, j] + min(work[0, j], f(0.0))


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _normalise(fixed, floor, lift, state, work):
    """From energies and couplings (`lift`) to probabilities; scenarios against what is set get 0.

    Energies further below the largest than `floor`, the least that `exp` can take, are raised to it.
    """
    f = state.dtype.type
    work[0] = f(-np.inf)
    work[1] = f(0.0)
    for x in range(state.shape[0]):
        if _possible(fixed, x):
            for j in range(BLOCK):
                state[x, j] += lift[x, j]
                work[0, j] = max(work[0, j], state[x, j])
    for x in range(state.shape[0]):
        if _possible(fixed, x):
            for j in range(BLOCK):
                state[x, j] = exp(max(state[x, j] - work[0, j], floor))
                work[1, j] += state[x, j]
        else:
            state[x] = f(0.0)
    for x in range(state.shape[0]):
        for j in range(BLOCK):
            state[x, j] /= work[1, j]


@njit(cache=True, inline="always")
def _possible(fixed, scenario):
    """Whether a scenario agrees with the hypotheses that are set."""
    for h in range(fixed.size):
        if fixed[h] >= 0 and fixed[h] != scenario >> (fixed.size - 1 - h) & 1:
            return False
    return True


@njit(cache=True, error_model="numpy", fastmath=SUM)
def add_lanes(state, sums, year):
    """Add the sum over the lanes of every row of `state` to sums [T, S]."""
    for x in range(state.shape[0]):
        total = state.dtype.type(0.0)
        for j in range(BLOCK):
            total += state[x, j]
        sums[year, x] += total
