"""What the queue runs: entry points that take what is next, call the engine and report through the services."""

from analysis.jobs.execution import stopping
from analysis.jobs.runs import run_execute
from analysis.jobs.studies import report_execute, study_execute
from analysis.jobs.warm_up import warm_up
from analysis.jobs.what_if import what_if_answer

__all__ = ["report_execute", "run_execute", "stopping", "study_execute", "warm_up", "what_if_answer"]
