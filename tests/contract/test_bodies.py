"""Bodies that make no sense, sent to every endpoint that takes one: a problem that names the place, and no change."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contract.rows import ASKERS
from tests.contract.table import ROWS
from tests.contract.test_access import asker_named, call, token_of
from tests.factories import UserFactory

SENSELESS = {
    "broken": b'{"a": ',
    "no object": b'"text"',
    "numbers": b"[1, 2]",
    "not a number": b'{"a": NaN}',
    "infinite": b'{"a": -Infinity}',
    "too large a number": b'{"a": 1e999}',
    "too many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "too deep": b"[" * 100_000,
    "a NUL": b'{"a": "\\u0000"}',
    "half a pair": b'{"a": "\\ud800"}',
    "not UTF-8": b'{"a": "\xff"}',
    "10 MB": b'{"a": "' + b"x" * 10_000_000 + b'"}',
}
OURS = ('"accounts_', '"analysis_', '"evidence_')


class _Asked:
    """One endpoint, asked by one who may."""

    def __init__(self, client, row):
        owner = UserFactory(role="analyst")
        self.client, self.row, self.what = client, row, row.make(owner)
        asker = next(asker for asker in ASKERS if row.answers[asker] < 300)
        self.token = token_of(asker_named(asker, owner))

    def post(self, raw, kind="application/json"):
        """The problem that a body is answered with, once it is seen that nothing was written."""
        raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        with CaptureQueriesContext(connection) as captured:
            answer = call(self.client, self.row, replace(self.what, body=raw, kind=kind), self.token)
        assert (answer["Content-Type"], answer.json()["status"]) == ("application/problem+json", answer.status_code)
        writes = [each["sql"] for each in captured if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert not [sql for sql in writes if any(table in sql.split("VALUES")[0] for table in OURS)]
        return answer


BODIES = [row for row in ROWS if row.method in {"POST", "PATCH"}]


@pytest.fixture
def asked(request, client, db):
    """The endpoint, where its body says anything."""
    found = _Asked(client, request.param)
    if not found.what.body:
        pytest.skip("takes no body")
    return found


@pytest.mark.parametrize("asked", BODIES, ids=str, indirect=True)
def test_what_is_no_sense_at_all(asked):
    for words, raw in SENSELESS.items():
        answer = asked.post(raw)
        assert answer.status_code in {400, 413}, (words, answer.text)
    assert asked.post(asked.what.body, "application/x-www-form-urlencoded").status_code == 415


@pytest.mark.parametrize("asked", BODIES, ids=str, indirect=True)
def test_fields_that_make_no_sense_are_named(asked):
    body = asked.what.body
    if not isinstance(body, dict):
        pytest.skip("a table")
    for field in [*body, "nonsense"]:
        answer = asked.post(body | {field: {"nonsense": [1]}})
        assert answer.status_code == 400, (field, answer.text)
        assert {fault["path"].partition(".")[0].partition("[")[0] for fault in answer.json()["errors"]} == {field}
