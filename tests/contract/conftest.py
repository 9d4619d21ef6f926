"""What is begun for a test ends with it."""

import pytest


@pytest.fixture(autouse=True)
def _answering_ends():
    """No worker answers the questions of a later test."""
    from tests.contract.rows_analysis import answering

    yield
    answering.close()
