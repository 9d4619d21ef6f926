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
from .joint import (
    FAST,
    SUM,
    add_children,
    add_lanes,
    components,
    conditionals,
    couplings,
    expand_components,
    lifts,
    log_linear,
)
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
    target, target_span: index of the target year and its span
    report [S]: reported state of each scenario at the target year, -1 if it does not fit the observations
    reference [reported states]: what squares are taken around
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
    seed: np.uint64
    low: Array
    high: Array
    target: int
    target_span: int
    report: Array
    reference: Array


class Workspace(NamedTuple):
    """Buffers of one block, [rows, BLOCK] each.

    `inputs` holds the uncertain inputs, first as standard normals: theta, midpoints, influence strengths. `pull`,
    `mirror` and `couple` are [target, source, BLOCK]; `marginal` holds sigmoid(level) in rows 0..n-1 and its complement
    in n..2n-1; `sweeps` is the largest number of sweeps seen and how often it did not suffice.
    """

    words: Array
    inputs: Array
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


@njit(cache=True)
def _workspace(program):
    n = program.mu.size
    dimensions = 2 * n + program.edges.source.size
    kind = program.mu.dtype
    states = program.report.size
    return Workspace(
        words=np.empty(((dimensions + 3) // 4 * 4, BLOCK), dtype=np.uint32),
        inputs=np.empty((dimensions, BLOCK), dtype=kind),
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
    """Fill `inputs` with the block's standard normals."""
    if program.low.shape[0] > 0:
        draw_sobol(block % REPLICATES, block // REPLICATES, program.low, program.high, space.words)
    else:
        draw_pseudo(block * BLOCK, program.seed, space.words)
    to_normals(space.words, space.inputs)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _to_inputs(program, inputs):
    """Turn standard normals into theta [n], midpoints [n] and influence strengths [E], in place (MODEL.md 4)."""
    n = program.mu.size
    f = inputs.dtype.type
    line, cv = program.timeline, program.cv
    for h in range(n):
        mu, sd, midpoint, spread = program.mu[h], program.sd[h], line.midpoint[h], line.midpoint_sd[h]
        for j in range(BLOCK):
            inputs[h, j] = mu + sd * inputs[h, j]
        for j in range(BLOCK):
            inputs[n + h, j] = midpoint + spread * inputs[n + h, j]
    for e in range(program.edges.source.size):
        strength = program.edges.strength[e]
        for j in range(BLOCK):
            inputs[2 * n + e, j] = strength * max(f(0.0), f(1.0) + cv * inputs[2 * n + e, j])


@njit(cache=True)
def _prepare(program, space):
    """From inputs to what all years share: the constants of the timing, the pull of every source on every target."""
    n = program.mu.size
    for h in range(n):
        _time_constants(program.timeline, h, space.inputs[n + h], space.reach)
    centred = program.centre > 0
    _pulls(program.edges, centred, space.inputs[2 * n :], space.pull, space.offset, space.mirror)


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _time_constants(line, h, midpoint, reach):
    """Rows 5h...: midpoint; shift s; e^-s; e^-s + e^(a(end) - s); 1 where time runs linearly (see `timeline`).

    Dividing numerator and denominator of G by e^s, s = max(a(end) - 40, 0), keeps both finite.
    """
    f = midpoint.dtype.type
    low, high = f(-80.0), f(80.0)
    earliest, latest = line.earliest, line.latest
    speed, span, saturation = line.speed[h], line.span, line.saturation[h]
    for j in range(BLOCK):
        reach[5 * h, j] = min(max(midpoint[j], earliest), latest)
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
def _pulls(edges, centred, strengths, pull, offset, mirror):
    """Sum the influences into pull, offset and mirror (see `Edges`; the last two stay 0 where centred)."""
    f = strengths.dtype.type
    for e in range(edges.source.size):
        for j in range(BLOCK):
            pull[edges.target[e], edges.source[e], j] = f(0.0)
    if not centred:
        offset[:] = f(0.0)
        mirror[:] = f(0.0)
    for e in range(edges.source.size):
        s, t, slope = edges.source[e], edges.target[e], edges.slope[e]
        for j in range(BLOCK):
            pull[t, s, j] += slope * strengths[e, j]
        if not centred:
            for j in range(BLOCK):
                offset[t, j] += edges.offset[e] * strengths[e, j]
                mirror[t, s, j] += edges.mirror[e] * strengths[e, j]


@njit(cache=True, error_model="numpy", fastmath=FAST)
def _levels(line, year, theta, reach, level, marginal):
    """Level = theta_h(year) and its sigmoid and complement, for every hypothesis (MODEL.md 2)."""
    n = level.shape[0]
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
def _reported(program, space):
    """Sum the joint over the hypotheses not reported, given the observations: rows of `work`; the weight is last."""
    f = space.inputs.dtype.type
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
    tiny = space.inputs.dtype.type(1e-37)
    for x in range(states):
        total = space.inputs.dtype.type(0.0)
        for j in range(BLOCK):
            weight = space.work[states, j]
            distance = space.work[x, j] / max(weight, tiny) - program.reference[x]
            total += weight * distance * distance
        squares[x] += total


@njit(cache=True)
def _begin_span(program, span, space):
    if program.symmetric:
        couplings(program, span, space)
    else:
        lifts(program, span, space)


@njit(cache=True)
def _year(program, span, year, space):
    """Everything of one year but multiplying out: conditionals and components, or the log-linear joint."""
    plan, table = program.plan, space.table
    _levels(program.timeline, year, space.inputs, space.reach, space.level, space.marginal)
    if program.symmetric:
        log_linear(program, span, space)
        return
    conditionals(
        span, plan.fixed, plan.row, plan.parents, plan.n_parents, program.centre, program.clamp,
        space.level, space.offset, space.pull, space.marginal, space.lift, table, space.work,
    )  # fmt: skip
    if plan.components[span] < program.mu.size:
        components(program, span, space)


@njit(cache=True)
def _joint(program, span, space):
    """The whole joint into `state`, rows in the layer's order."""
    if not program.symmetric:
        plan = program.plan
        expand_components(span, plan.components[span], plan.size, plan.expand, space.table, space.state)


@njit(cache=True)
def _add_joint(program, span, year, space, sums):
    """Add the joint's sum over the lanes to sums [T, S]."""
    plan, table, state = program.plan, space.table, space.state
    if program.symmetric:
        add_lanes(state, sums, year)
    else:
        last = plan.components[span] - 1
        states = expand_components(span, last, plan.size, plan.expand, table, state)
        add_children(span, last, states, plan.size, plan.expand, plan.scenario, table, state, sums, year)


@njit(cache=True)
def _block(program, block, sums, squares, space):
    """Add the block's joints to sums [T, S] and its weighted squares at the target year to squares [reported]."""
    plan = program.plan
    _draw(program, block, space)
    _to_inputs(program, space.inputs)
    _prepare(program, space)
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
        _to_inputs(program, space.inputs)
        _prepare(program, space)
        _store(program, space, sample[:, :, start : min(start + BLOCK, count)])


@njit(cache=True)
def run_nominal(program, joint):
    """The joint [T, S] with every input at its nominal value, into `joint`."""
    space = _workspace(program)
    space.inputs[:] = 0.0
    _to_inputs(program, space.inputs)
    _prepare(program, space)
    _store(program, space, joint.reshape((joint.shape[0], joint.shape[1], 1)))


@njit(cache=True, nogil=True)
def run_draws(program, block, normals):
    """The standard normals of one block's iterations, into normals [2 n + E, BLOCK]."""
    space = _workspace(program)
    _draw(program, block, space)
    normals[:] = space.inputs


@njit(cache=True, nogil=True)
def run_given(program, span, year, inputs, joint):
    """The joints of one year under given inputs [2 n + E, count], into joint [S, count]."""
    space = _workspace(program)
    for start in range(0, inputs.shape[1], BLOCK):
        count = min(BLOCK, inputs.shape[1] - start)
        space.inputs[:, :count] = inputs[:, start : start + count]
        for j in range(count, BLOCK):
            space.inputs[:, j] = inputs[:, start]
        _prepare(program, space)
        _begin_span(program, span, space)
        _year(program, span, year, space)
        _joint(program, span, space)
        for x in range(joint.shape[0]):
            joint[program.plan.scenario[span, x], start : start + count] = space.state[x, :count]


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
