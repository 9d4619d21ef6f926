"""The model as a function of its uncertain inputs: a whole sample in one compiled call (MODEL.md 2, 3 and 7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernel import run_draws, run_given
from ..overrides import with_overrides
from ..posterior import posteriors
from ..program import bare_program
from ..sampling import BLOCK, REPLICATES
from ..spec import ModelDocument
from .outputs import Output

Floats = NDArray[np.float64]


class Evaluator:
    """The exact joint of one year for any number of given inputs, in float64. Threads may share one evaluator.

    Inputs are [2 n + E, D]: log-odds theta, midpoints in years from the base year, influence strengths in nats, in the
    order of MODEL.md 4. A strength already contains the strength multiplier.
    """

    def __init__(self, document: ModelDocument) -> None:
        multiplier = document.settings.causal_network.strength_multiplier
        program = bare_program(with_overrides(document, {"strength_multiplier": 1.0}), "float64")
        self.document = document
        self.program = program
        self.beliefs = posteriors(document)
        self.nominal = np.concatenate([program.mu, program.timeline.midpoint, multiplier * program.edges.strength])

    def joint(self, inputs: Floats, year: int) -> Floats:
        """Probabilities [S, D] of the scenarios in a calendar year."""
        index = year - self.document.base_year
        span = int(np.searchsorted(self.program.plan.first_year, index, side="right")) - 1
        joint = np.empty((self.program.report.size, inputs.shape[1]))
        run_given(self.program, span, index, np.ascontiguousarray(inputs), joint)
        return joint

    def output(self, inputs: Floats, output: Output) -> Floats:
        """The chosen output [D] under given inputs. Raises ImpossibleObservation."""
        return output(self.joint(inputs, output.year))

    def normals(self) -> Floats:
        """The standard normals [2 n + E, 4096] of the run's own first iterations, replicate after replicate."""
        blocks = np.empty((REPLICATES, self.nominal.size, BLOCK))
        for number, block in enumerate(blocks):
            run_draws(self.program, number, block)
        return np.concatenate(list(blocks), axis=1)

    def drawn(self, normals: Floats) -> Floats:
        """Standard normals [2 n + E, D] as inputs, as a Monte Carlo run reads them (MODEL.md 4)."""
        n = len(self.document.codes)
        line = self.program.timeline
        inputs = self.nominal[:, None] * np.ones_like(normals)
        inputs[:n] += self.program.sd[:, None] * normals[:n]
        inputs[n : 2 * n] += line.midpoint_sd[:, None] * normals[n : 2 * n]
        inputs[2 * n :] *= np.maximum(0.0, 1.0 + self.program.cv * normals[2 * n :])
        return inputs
