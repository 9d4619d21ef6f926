"""From the model document to the numbers that the kernel runs on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .estimate import reporting
from .kernel import Program, run_nominal
from .network import FLOAT32_REACH, compile_plan, edges, largest_pull
from .posterior import posteriors
from .sampling import sobol_tables
from .spec import ModelDocument
from .timeline import timeline

_CLAMP = {"float32": 43.0, "float64": 350.0}


_tables = lru_cache(8)(sobol_tables)
"""The runs of a study, and the what-ifs of a person, share a seed."""
_SMALLEST_CHANGE = 5e-7
"""What a sweep can be seen to change in float32."""


def working_dtype(document: ModelDocument) -> str:
    """The run's dtype, or float64 where float32 would show.

    That is with observations, which may be as rare as they like, with influences that pull hard together, and with a
    stopping rule finer than float32's digits.
    """
    coarse = (
        not document.run.observations
        and largest_pull(document) <= FLOAT32_REACH
        and document.settings.causal_network.convergence_epsilon >= _SMALLEST_CHANGE
    )
    return document.run.dtype if coarse else "float64"


def compile_program(document: ModelDocument) -> Program:
    """Everything the kernel needs, in the working precision."""
    program = bare_program(document, working_dtype(document))
    return program._replace(reference=_reference(program))


def bare_program(document: ModelDocument, dtype: str) -> Program:
    """The same without the reference that squares are taken around, in a precision of one's choice."""
    kind = np.dtype(dtype)
    causal, run = document.settings.causal_network, document.run
    plan, links, beliefs = compile_plan(document), edges(document), posteriors(document)
    dimensions = 2 * len(document.codes) + len(document.influences)
    low, high = _tables(run.seed, dimensions if run.sampler == "sobol" else 0)
    target = document.target_year - document.base_year
    shown = reporting(document)
    report = np.where(shown.fits[target] > 0, shown.state, -1).astype(np.int32)
    return Program(
        plan=plan,
        timeline=timeline(document, kind),
        edges=links._replace(**{name: getattr(links, name).astype(kind) for name in links._fields[2:]}),
        mu=np.array([belief.mu for belief in beliefs], dtype=kind),
        sd=np.array([belief.sd for belief in beliefs], dtype=kind),
        cv=kind.type(causal.strength_cv),
        centre=kind.type(causal.center_influences),
        clamp=kind.type(_CLAMP[kind.name]),
        symmetric=causal.model == "log_linear",
        epsilon=kind.type(max(causal.convergence_epsilon, 4 * np.finfo(kind).eps)),  # finer changes are rounding
        sweeps=causal.max_iterations,
        seed=np.uint64(run.seed),
        low=low if run.sampler == "sobol" else low[:0],
        high=high,
        target=target,
        target_span=int(np.searchsorted(plan.first_year, target, side="right")) - 1,
        report=report,
        reference=np.zeros(len(shown.codes), dtype=kind),
    )


def _reference(program: Program) -> NDArray[np.floating]:
    """The nominal reported probabilities at the target year: what second moments are taken around."""
    joint = np.empty((program.timeline.linear.size, program.report.size), dtype=program.mu.dtype)
    run_nominal(program, joint)
    fits = program.report >= 0
    sums = np.bincount(program.report[fits], joint[program.target, fits], program.reference.size)
    return np.asarray(sums / max(sums.sum(), np.finfo(program.mu.dtype).tiny), dtype=program.mu.dtype)
