"""Ask AI Futures from Python.

    from aifutures_client import Client

    with Client.sign_in("http://127.0.0.1:8000", "ada", "her password") as client:
        result = client.run(iterations=200_000, overrides={"priors": {"H1": 0.7}})
        print(result.to_frame().head())

Arguments have the names of the API, which is described at `/api/v1/docs` of every installation. Whatever goes wrong is
a subclass of `AIFuturesError`.
"""

from aifutures_client.auth import KeyAuth, TokenAuth
from aifutures_client.client import Client
from aifutures_client.errors import (
    AIFuturesError,
    ApiError,
    Cancelled,
    Conflict,
    Failed,
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ServerError,
    Stale,
    StillRunning,
    Unauthorized,
    Unreachable,
)
from aifutures_client.evidence import EvidenceApi
from aifutures_client.jobs import Job, Progress
from aifutures_client.results import (
    Comparison,
    Evidence,
    EvidenceList,
    Robustness,
    RunResult,
    Scenario,
    ScenarioList,
    Sensitivity,
    WhatIf,
)

__all__ = [
    "AIFuturesError",
    "ApiError",
    "Cancelled",
    "Client",
    "Comparison",
    "Conflict",
    "Evidence",
    "EvidenceApi",
    "EvidenceList",
    "Failed",
    "Fault",
    "Forbidden",
    "Invalid",
    "Job",
    "KeyAuth",
    "NotFound",
    "Progress",
    "RateLimited",
    "Robustness",
    "RunResult",
    "Scenario",
    "ScenarioList",
    "Sensitivity",
    "ServerError",
    "Stale",
    "StillRunning",
    "TokenAuth",
    "Unauthorized",
    "Unreachable",
    "WhatIf",
]
