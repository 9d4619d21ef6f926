"""What follows from the evidence: influences between hypotheses, scenarios and their clusters, runs and studies."""

from analysis.models.computations import Computation, Transition
from analysis.models.network import Influence
from analysis.models.questions import SavedQuestion
from analysis.models.runs import AnalysisRun, RunTransition
from analysis.models.scenarios import Scenario, ScenarioCluster
from analysis.models.studies import (
    RobustnessReport,
    RobustnessTransition,
    SensitivityStudy,
    SensitivityTransition,
    Study,
)

__all__ = [
    "AnalysisRun",
    "Computation",
    "Influence",
    "RobustnessReport",
    "RobustnessTransition",
    "RunTransition",
    "SavedQuestion",
    "Scenario",
    "ScenarioCluster",
    "SensitivityStudy",
    "SensitivityTransition",
    "Study",
    "Transition",
]
