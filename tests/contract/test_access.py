"""Every endpoint of /api/v1 for everyone who may ask, from one table that nothing is missing from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.tokens import AccessToken
from tests.contract.rows import ASKERS, Call, Row
from tests.contract.table import ROWS
from tests.factories import UserFactory

PREFIX = "api/v1/"
METHODS = ("get", "post", "put", "patch", "delete")


def endpoints(patterns: list, prefix: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    """Method, route and pattern of everything under the prefix."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns, route)
        elif route.startswith(PREFIX):
            yield from (
                (method.upper(), route.removeprefix(PREFIX), pattern) for method in methods_of(pattern.callback)
            )


def methods_of(view) -> list[str]:
    if getattr(view, "actions", None):
        return list(view.actions)
    described = getattr(view, "cls", None)
    return [method for method in METHODS if hasattr(described, method)] if described else ["get"]


ENDPOINTS = list(endpoints(get_resolver().url_patterns))


def token_of(user: User | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}"} if user else {}


def call(client: Client, row: Row, what: Call, token: dict[str, str]):
    path = "/" + PREFIX + re.sub(r"<(?:\w+:)?(\w+)>", lambda part: quote(str(what.path[part[1]]), safe=""), row.route)
    query = f"?{urlencode(what.query)}" if what.query else ""
    raw = what.body if isinstance(what.body, bytes) else json.dumps(what.body)
    body = {} if what.body is None else {"data": raw, "content_type": what.kind}
    return client.generic(row.method, path + query, headers={**what.headers, **token}, **body)


def asker_named(name: str, owner: User) -> User | None:
    match name:
        case "anonymous":
            return None
        case "owner":
            return owner
        case "stranger":
            return UserFactory(role="analyst")
    return UserFactory(role=name)


def test_every_endpoint_has_its_row_and_every_row_its_endpoint():
    there = sorted((method, route) for method, route, _ in ENDPOINTS)
    assert there == sorted((row.method, row.route) for row in ROWS)


@pytest.mark.parametrize(("method", "route", "pattern"), ENDPOINTS, ids=str)
def test_every_operation_names_its_scope_and_is_described(method, route, pattern):
    view = getattr(pattern.callback, "cls", None)
    if view is None:
        assert route.startswith("docs")  # pages that describe the API
        return
    operation = (getattr(pattern.callback, "actions", None) or {}).get(method.lower(), method.lower())
    assert operation in view.scopes
    described = getattr(view, operation)
    assert described.__doc__
    assert hasattr(described, "kwargs"), "no @extend_schema"


@pytest.mark.django_db
@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_gets_what(client, row, asker):
    owner = UserFactory(role="analyst")
    what = row.make(owner)
    response = call(client, row, what, token_of(asker_named(asker, owner)))
    assert response.status_code == row.answers[asker], response.text
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    assert response["X-Request-ID"]


UNSAFE = [row for row in ROWS if row.method not in {"GET", "HEAD"} and row.answers["anonymous"] == 401]


@pytest.mark.django_db
@pytest.mark.parametrize("row", UNSAFE, ids=str)
def test_a_session_does_the_same_with_its_csrf_token_alone(row):
    owner = UserFactory(role="analyst")
    what = row.make(owner)
    asker = next(asker for asker in ASKERS if row.answers[asker] < 300)
    client = Client(enforce_csrf_checks=True)
    client.force_login(asker_named(asker, owner))
    client.cookies["csrftoken"] = token = "x" * 32
    refused = call(client, row, what, {})
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    answer = call(client, row, what, {"X-CSRFToken": token})
    assert answer.status_code == row.answers[asker], answer.text


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_it_costs_the_database(client, row):
    asker = next(asker for asker in ASKERS if row.answers[asker] < 300)
    owner = UserFactory(role="analyst")
    what = row.make(owner)
    token = token_of(asker_named(asker, owner))
    with CaptureQueriesContext(connection) as captured:
        assert call(client, row, what, token).status_code < 300
    queries = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert len(queries) == row.queries, "\n".join(queries)
