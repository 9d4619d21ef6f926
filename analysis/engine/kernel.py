"""The compiled kernel: the exact joint of all scenarios in all years for every draw (MODEL.md 2-4), summed.

The 256 iterations of a block lie side by side in memory, so that LLVM turns every inner loop into vector
instructions. Only what differs between the configurations of a hypothesis's
parents is computed: exp(-z) = exp(-theta...) exp(-sum of parents' pulls), the second factor once per draw for all
years. Complements are e / (1 + e), never 1 - p, so that small probabilities keep their relative precision.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .elementary import exp
from .network import Edges, Plan
from .sampling import BLOCK, REPLICATES, draw_pseudo, draw_sobol, to_normals
from .timeline import LINEAR_BELOW, Timeline

Array = Any
"""NumPy arrays whose shapes are given in words; Numba knows their types."""


class Program(NamedTuple):
    """All that the kernel needs to know of a model, in its precision (float32 or float64).

    mu, sd [n]: posterior log-odds | cv: spread of influence strengths | centre: 1 if influences are centred else 0
    clamp: largest exponent of each of the two factors of exp(-z) | symmetric: log-linear joint
    epsilon, sweeps: stopping rule of components with feedback
    seed, low, high: the sampler (`low` has no replicates when it is pseudo-random)
    target, target_span: index of the target year and its span | report [S]: reported state of each scenario at the target year, -1 if it does
    not fit the observations | reference [reported states]: what squares are taken around
    """

    plan: Plan
    timeline: Timeline
    edges: Edges
    mu: Array
    sd: Array
    cv: float
    centre: float
    clamp: float
    symmetric: bool
    epsilon: float
    sweeps: int
    seed: int
    low: Array
    high: Array
    target: int
    target_span: int
    report: Array
    reference: Array


class Workspace(NamedTuple):
    """Buffers of one block, [rows, BLOCK] each.

    `pull`, `mirror` and `couple` are [target, source, BLOCK]; `marginal` holds sigmoid(level) in rows 0..n-1 and its complement
    in n..2n-1; `sweeps` is the largest number of sweeps seen and how often it did not suffice.
    """

    words: Array
    normals: Array
    theta: Array
    reach: Array
    pull: Array
    offset: Array
    mirror: Array
    couple: Array
    lift: Array
    level: Array
    marginal: Array
    table: Array
    state: Array
    work: Array
    sweeps: Array


FAST = {"contract"}
SUM = {"contract", "reassoc"}


@njit(cache=True)
def _workspace(program):
    n = program.mu.size
    dimensions = 2 * n + program.edges.source.size
    kind = program.mu.dtype
    states = program.report.size
    return Workspace(
        words=np.empty(((dimensions + 3) // 4 * 4, BLOCK), dtype=np.uint32),
        normals=np.empty((dimensions, BLOCK), dtype=kind),
        theta=np.empty((n, BLOCK), dtype=kind),
        reach=np.empty((5 * n, BLOCK), dtype=kind),
        pull=np.zeros((n, n, BLOCK), dtype=kind),
        offset=np.zeros((n, BLOCK), dtype=kind),
        mirror=np.zeros((n, n, BLOCK), dtype=kind),
        couple=np.empty((n, n, BLOCK), dtype=kind),
        lift=np.empty((max(program.plan.rows, states), BLOCK), dtype=kind),
        level=np.empty((n, BLOCK), dtype=kind),
        marginal=np.empty((2 * n, BLOCK), dtype=kind),
        table=np.empty((program.plan.rows, BLOCK), dtype=kind),
        state=np.empty((states, BLOCK), dtype=kind),
        work=np.empty((states + 4, BLOCK), dtype=kind),
        sweeps=np.zeros(2, dtype=np.int64),
    )


@njit(cache=True)
def _draw(program, block, space):
    """Fill `normals` with the block's standard normals."""
    if program.low.shape[0] > 0:
        draw_sobol(block % REPLICATES, block // REPLICATES, program.low, program.high, space.words)
    else:
        draw_pseudo(block * BLOCK, program.seed, space.words)
    to_normals(space.words, space.normals)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _inputs(program, space):
    """Turn normals into inputs: theta, the constants of its timing, the pull of every source on every target."""
    n = program.mu.size
    for h in range(n):
        for j in range(BLOCK):
            space.theta[h, j] = program.mu[h] + program.sd[h] * space.normals[h, j]
        _time_constants(program.timeline, h, space.normals[n + h], space.reach)
    centred = program.centre > 0
    _pulls(program.edges, program.cv, centred, space.normals[2 * n :], space.pull, space.offset, space.mirror)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _time_constants(line, h, normal, reach):
    """Rows 5h...: midpoint; shift s; e^-s; e^-s + e^(a(end) - s); 1 where time runs linearly (see `timeline`).

    Dividing numerator and denominator of G by e^s, s = max(a(end) - 40, 0), keeps both finite.
    """
    f = normal.dtype.type
    low, high = f(-80.0), f(80.0)
    nominal, spread, earliest, latest = line.midpoint[h], line.midpoint_sd[h], line.earliest, line.latest
    speed, span, saturation = line.speed[h], line.span, line.saturation[h]
    for j in range(BLOCK):
        reach[5 * h, j] = min(max(nominal + spread * normal[j], earliest), latest)
    for j in range(BLOCK):
        reach[5 * h + 1, j] = max(speed * (reach[5 * h, j] - span) - f(40.0), f(0.0))
    for j in range(BLOCK):
        reach[5 * h + 2, j] = exp(max(-reach[5 * h + 1, j], low))
    for j in range(BLOCK):
        end = speed * (reach[5 * h, j] - span) - reach[5 * h + 1, j]
        reach[5 * h + 3, j] = reach[5 * h + 2, j] + exp(max(end, low))
    for j in range(BLOCK):
        start, end = speed * reach[5 * h, j], speed * (reach[5 * h, j] - span)
        begun = f(1.0) / (f(1.0) + exp(max(min(-start, high), low)))
        ahead = f(1.0) / (f(1.0) + exp(max(min(end, high), low)))
        reach[5 * h + 4, j] = f(1.0) if saturation * begun * ahead < f(LINEAR_BELOW) else f(0.0)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _pulls(edges, cv, centred, normals, pull, offset, mirror):
    """Sum the drawn influences into pull, offset and mirror (see `Edges`; the last two stay 0 where centred)."""
    f = normals.dtype.type
    for e in range(edges.source.size):
        for j in range(BLOCK):
            pull[edges.target[e], edges.source[e], j] = f(0.0)
    if not centred:
        offset[:] = f(0.0)
        mirror[:] = f(0.0)
    for e in range(edges.source.size):
        s, t = edges.source[e], edges.target[e]
        strength, slope = edges.strength[e], edges.slope[e]
        for j in range(BLOCK):
            pull[t, s, j] += slope * strength * max(f(0.0), f(1.0) + cv * normals[e, j])
        if not centred:
            for j in range(BLOCK):
                offset[t, j] += edges.offset[e] * strength * max(f(0.0), f(1.0) + cv * normals[e, j])
                mirror[t, s, j] += edges.mirror[e] * strength * max(f(0.0), f(1.0) + cv * normals[e, j])


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _levels(line, year, theta, reach, level, marginal):
    """level = theta_h(year) and its sigmoid and complement, for every hypothesis (MODEL.md 2)."""
    n = theta.shape[0]
    f = theta.dtype.type
    t = f(year)
    for h in range(n):
        course, straight, speed = line.course[h, year], line.linear[year], line.speed[h]
        initial = line.initial[h]
        for j in range(BLOCK):
            ahead = exp(max(min(speed * (reach[5 * h, j] - t) - reach[5 * h + 1, j], f(85.0)), f(-80.0)))
            gone = course * reach[5 * h + 3, j] / (reach[5 * h + 2, j] + ahead)
            gone = straight if reach[5 * h + 4, j] > f(0.0) else gone
            z = initial + gone * (theta[h, j] - initial)
            odds = exp(max(min(-z, f(80.0)), f(-80.0)))
            p = f(1.0) / (f(1.0) + odds)
            level[h, j] = z
            marginal[h, j] = p
            marginal[n + h, j] = odds * p


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _lifts(program, span, space):
    """exp(-sum of the parents' pulls) for every configuration of parents of every hypothesis."""
    plan, clamp = program.plan, program.clamp
    f = space.theta.dtype.type
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
def _conditionals(span, fixed, row, parents, n_parents, centre, clamp, level, offset, pull, marginal, lift, table, work):
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


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _feedback(program, span, c, first, space):
    """Exact systematic-scan Gibbs sweeps over a component of three or more, each lane until it stands still."""
    plan = program.plan
    f = space.theta.dtype.type
    size = plan.size[span, c]
    states = 1 << size
    change, active = space.work[0], space.work[1]
    for cfg in range(plan.configurations[span, c]):
        row = plan.table[span, c] + cfg * states
        for state in range(states):
            for j in range(BLOCK):
                space.table[row + state, j] = f(1.0)
            for i in range(size):
                h = plan.order[span, first + i]
                side = h if not state >> (size - 1 - i) & 1 else program.mu.size + h
                for j in range(BLOCK):
                    space.table[row + state, j] *= space.marginal[side, j]
        for j in range(BLOCK):
            active[j] = f(1.0)
        sweep = 0
        moving = True
        while moving and sweep < program.sweeps:
            sweep += 1
            for state in range(states):
                for j in range(BLOCK):
                    space.work[4 + state, j] = space.table[row + state, j]
            for i in range(size):
                _rescan(plan.member_row[span, plan.order[span, first + i]], cfg * states, size, i, space)
            for j in range(BLOCK):
                change[j] = f(0.0)
            for state in range(states):
                for j in range(BLOCK):
                    change[j] = max(change[j], abs(space.work[4 + state, j] - space.table[row + state, j]))
                    if active[j] > f(0.0):
                        space.table[row + state, j] = space.work[4 + state, j]
            moving = False
            for j in range(BLOCK):
                active[j] = active[j] if change[j] >= program.epsilon else f(0.0)
                moving = moving or active[j] > f(0.0)
        space.sweeps[0] = max(space.sweeps[0], sweep)
        space.sweeps[1] += moving


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
def _components(program, span, space):
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
def _expand(span, upto, size, expand, table, state):
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
def _add_children(span, last, states, size, expand, scenario, table, state, sums, year):
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
def _couplings(program, span, space):
    """Log-linear model: symmetric couplings (less the influences into a set hypothesis) and their sum per scenario."""
    f = space.theta.dtype.type
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


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _log_linear(program, span, space):
    """The symmetric cross-impact joint (MODEL.md 3) into `state`: exponentials of energies, less the largest."""
    fixed, centre = program.plan.fixed, program.centre
    n = program.mu.size
    f = space.theta.dtype.type
    field, top, total = space.work[0], space.work[1], space.work[2]
    space.state[0] = f(0.0)
    for h in range(n):
        field[:] = space.level[h]
        if fixed[span, h] < 0:
            field += space.offset[h]
        for other in range(n):
            mirrored = f(1.0) if fixed[span, other] < 0 else f(0.0)
            for j in range(BLOCK):
                field[j] -= centre * space.couple[h, other, j] * space.marginal[other, j]
                field[j] += mirrored * space.mirror[other, h, j]
        for x in range((1 << h) - 1, -1, -1):
            space.state[2 * x + 1] = space.state[x]
            for j in range(BLOCK):
                space.state[2 * x, j] = space.state[x, j] + field[j]
    top[:] = f(-np.inf)
    total[:] = f(0.0)
    for x in range(1 << n):
        for j in range(BLOCK):
            space.state[x, j] += space.lift[x, j]
            if _possible(fixed[span], x):
                top[j] = max(top[j], space.state[x, j])
    for x in range(1 << n):
        if _possible(fixed[span], x):
            for j in range(BLOCK):
                space.state[x, j] = exp(max(space.state[x, j] - top[j], f(-85.0)))
                total[j] += space.state[x, j]
        else:
            space.state[x] = f(0.0)
    for x in range(1 << n):
        for j in range(BLOCK):
            space.state[x, j] /= total[j]


@njit(cache=True, inline="always")
def _possible(fixed, scenario):
    """Whether a scenario agrees with the hypotheses that are set."""
    for h in range(fixed.size):
        if fixed[h] >= 0 and fixed[h] != scenario >> (fixed.size - 1 - h) & 1:
            return False
    return True


@njit(cache=True, error_model="numpy", fastmath=SUM)
def _add_lanes(state, sums, year):
    """Add the sum over the lanes of every row of `state` to sums [T, S]."""
    for x in range(state.shape[0]):
        total = state.dtype.type(0.0)
        for j in range(BLOCK):
            total += state[x, j]
        sums[year, x] += total


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _reported(program, space):
    """Sum the joint over the hypotheses not reported, given the observations: rows of `work`; the weight is last."""
    f = space.theta.dtype.type
    states = program.reference.size
    weight = space.work[states]
    space.work[: states + 1] = f(0.0)
    for x in range(program.report.size):
        if program.report[program.plan.scenario[program.target_span, x]] >= 0:
            row = program.report[program.plan.scenario[program.target_span, x]]
            for j in range(BLOCK):
                space.work[row, j] += space.state[x, j]
                weight[j] += space.state[x, j]


@njit(cache=True, error_model="numpy", fastmath=SUM)
def _add_squares(program, space, squares):
    """Add weight (P - reference)^2 of every reported state to `squares`."""
    states = program.reference.size
    tiny = space.theta.dtype.type(1e-37)
    for x in range(states):
        total = space.theta.dtype.type(0.0)
        for j in range(BLOCK):
            weight = space.work[states, j]
            distance = space.work[x, j] / max(weight, tiny) - program.reference[x]
            total += weight * distance * distance
        squares[x] += total


@njit(cache=True)
def _begin_span(program, span, space):
    if program.symmetric:
        _couplings(program, span, space)
    else:
        _lifts(program, span, space)


@njit(cache=True)
def _year(program, span, year, space):
    """Everything of one year but multiplying out: conditionals and components, or the log-linear joint."""
    plan, table = program.plan, space.table
    _levels(program.timeline, year, space.theta, space.reach, space.level, space.marginal)
    if program.symmetric:
        _log_linear(program, span, space)
        return
    _conditionals(
        span, plan.fixed, plan.row, plan.parents, plan.n_parents, program.centre, program.clamp,
        space.level, space.offset, space.pull, space.marginal, space.lift, table, space.work,
    )  # fmt: skip
    if plan.components[span] < program.mu.size:
        _components(program, span, space)


@njit(cache=True)
def _joint(program, span, space):
    """The whole joint into `state`, rows in the layer's order."""
    if not program.symmetric:
        plan = program.plan
        _expand(span, plan.components[span], plan.size, plan.expand, space.table, space.state)


@njit(cache=True)
def _add_joint(program, span, year, space, sums):
    """Add the joint's sum over the lanes to sums [T, S]."""
    plan, table, state = program.plan, space.table, space.state
    if program.symmetric:
        _add_lanes(state, sums, year)
    else:
        last = plan.components[span] - 1
        states = _expand(span, last, plan.size, plan.expand, table, state)
        _add_children(span, last, states, plan.size, plan.expand, plan.scenario, table, state, sums, year)


@njit(cache=True)
def _block(program, block, sums, squares, space):
    """Add the block's joints to sums [T, S] and its weighted squares at the target year to squares [reported]."""
    plan = program.plan
    _draw(program, block, space)
    _inputs(program, space)
    for span in range(plan.components.size):
        _begin_span(program, span, space)
        for year in range(plan.first_year[span], plan.first_year[span + 1]):
            _year(program, span, year, space)
            _add_joint(program, span, year, space, sums)
            if year == program.target:
                _joint(program, span, space)
                _reported(program, space)
                _add_squares(program, space, squares)


@njit(cache=True, nogil=True)
def run_blocks(program, first, sums, squares, sweeps):
    """Simulate blocks first...: fill sums [blocks, T, S], squares [blocks, reported] (float64), sweeps [blocks, 2].

    Releases the GIL, so that plain threads share the blocks and no threading layer of Numba is needed.
    """
    space = _workspace(program)
    sums[:] = 0.0
    squares[:] = 0.0
    for k in range(sums.shape[0]):
        space.sweeps[:] = 0
        _block(program, first + k, sums[k], squares[k], space)
        sweeps[k] = space.sweeps


@njit(cache=True, nogil=True)
def run_sample(program, replicate, count, sample):
    """The joints of the first `count` iterations of a replicate, into sample [T, S, count]."""
    space = _workspace(program)
    for start in range(0, count, BLOCK):
        _draw(program, start // BLOCK * REPLICATES + replicate, space)
        _inputs(program, space)
        _store(program, space, sample[:, :, start : min(start + BLOCK, count)])


@njit(cache=True)
def run_nominal(program, joint):
    """The joint [T, S] with every input at its nominal value, into `joint`."""
    space = _workspace(program)
    space.normals[:] = 0.0
    _inputs(program, space)
    _store(program, space, joint.reshape((joint.shape[0], joint.shape[1], 1)))


@njit(cache=True)
def _store(program, space, joint):
    """The block's joints into joint [T, S, lanes]."""
    plan = program.plan
    for span in range(plan.components.size):
        _begin_span(program, span, space)
        for year in range(plan.first_year[span], plan.first_year[span + 1]):
            _year(program, span, year, space)
            _joint(program, span, space)
            for x in range(joint.shape[1]):
                joint[year, plan.scenario[span, x]] = space.state[x, : joint.shape[2]]
