"""Users with their clients, and a baseline that the engine has computed."""

import pytest


@pytest.fixture
def api():
    """`api("analyst")` or `api(user)`: a client signed in so."""
    from tests.analysis.api.support import Api
    from tests.factories import UserFactory

    return lambda who: Api(UserFactory(role=who) if isinstance(who, str) else who)


@pytest.fixture
def baseline():
    """The published baseline."""
    from tests.analysis.api.support import finished_run

    return finished_run(published=True)
