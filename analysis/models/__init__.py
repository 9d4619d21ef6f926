"""What follows from the evidence: influences between hypotheses, scenarios and their clusters, runs."""

from analysis.models.network import Influence
from analysis.models.runs import AnalysisRun, RunTransition
from analysis.models.scenarios import Scenario, ScenarioCluster

__all__ = ["AnalysisRun", "Influence", "RunTransition", "Scenario", "ScenarioCluster"]
