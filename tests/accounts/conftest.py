"""A signed-in analyst, and requests to the addresses of sign-in."""

from __future__ import annotations

import pytest

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada():
    from tests.factories import UserFactory

    user = UserFactory(username="Ada", role="analyst")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def post(client):
    def send(path, body, **headers):
        return client.post(f"/api/v1/auth/{path}", body, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def me(client):
    return lambda token: client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
