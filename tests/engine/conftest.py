"""The engine's tests know no Django: model documents in, numbers out."""

import copy
import json
from importlib.resources import files
from typing import Any

import pytest

STUDY = json.loads(files("analysis.seeds").joinpath("published_study.json").read_text())


@pytest.fixture
def study() -> dict[str, Any]:
    """The published study, to be changed at will; few iterations."""
    document = copy.deepcopy(STUDY)
    document["run"]["iterations"] = 8192
    return document
