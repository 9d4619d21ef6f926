"""The parts that all endpoints share: errors, bodies, access, limits, ETags, pages, plain views."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import AsyncClient, Client

from accounts.keys import key_create
from accounts.tokens import AccessToken
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.api_urls")]


@pytest.fixture(params=[False, True], ids=["", "debug"])
def debug(request, settings):
    settings.DEBUG = request.param


@pytest.fixture
def quiet(debug):
    """A client that gets the answer to a fault of ours, as the world does; also while debugging."""
    return Client(raise_request_exception=False)


def bearer(user):
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}"}


def post(client, raw, content_type="application/json"):
    return client.generic("POST", "/api/v1/echo", raw, content_type=content_type)


class TestProblems:
    @pytest.mark.parametrize(
        ("what", "status", "errors"),
        [
            ("zero", 500, []),
            ("not-found", 404, []),
            ("forbidden", 403, []),
            ("conflict", 409, []),
            ("unprocessable", 422, []),
            ("field", 400, [("strength", "max", "Too strong.")]),
            ("whole", 400, [("", "unfit", "Nothing fits.")]),
            ("nested", 400, [("a[1].b", "invalid", "Wrong."), ("", "invalid", "All wrong.")]),
            ("database", 503, []),
            ("redis", 503, []),
            ("limits", 503, []),
        ],
    )
    def test_whatever_is_raised(self, quiet, what, status, errors):
        answer = quiet.get(f"/api/v1/raise/{what}", headers={"X-Request-ID": "abc-1"})
        body = answer.json()
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert set(body) == {"type", "title", "status", "detail", "errors", "request_id"}
        assert (body["type"], body["status"], body["request_id"]) == ("about:blank", status, "abc-1")
        assert [tuple(fault.values()) for fault in body["errors"]] == errors
        assert body["detail"]
        assert body["title"]
        assert "secret" not in answer.text
        assert ("Retry-After" in answer) == (status == 503)

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/api/v1/nowhere", 404),
            ("GET", "/api/v2/", 404),
            ("GET", "/api/v1/auth/me/", 404),
            ("POST", "/api/v1/versioned", 405),
            ("OPTIONS", "/api/v1/versioned", 405),
            ("OPTIONS", "/api/v1/auth/keys", 405),
            ("TRACE", "/api/v1/auth/me", 405),
            ("GET", "/api/v1/html", 418),
            ("GET", "/api/v1/auth/keys/0", 405),
            ("DELETE", "/api/v1/auth/keys/99999999999999999999", 404),
            ("GET", "/api/v1/users?cursor=%00", 400),
        ],
    )
    def test_never_a_page(self, quiet, method, path, status):
        answer = quiet.generic(method, path, headers=bearer(UserFactory(role="admin")))
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert status != 405 or answer["Allow"]

    def test_an_unknown_host_too(self, client):
        answer = client.get("/api/v1/auth/me", headers={"Host": "evil.example"})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")

    def test_what_cannot_be_given(self, client):
        answer = client.get("/api/v1/versioned", headers={"Accept": "text/html"})
        assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")

    def test_other_pages_stay_pages(self, client):
        assert client.get("/nowhere")["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize(("offered", "taken"), [("abc.D-1_", True), ("two words", False), ("x" * 65, False)])
    def test_the_request_id_is_the_clients_if_sound(self, client, offered, taken):
        answer = client.get("/health", headers={"X-Request-ID": offered})
        assert (answer["X-Request-ID"] == offered) is taken
        assert answer["X-Request-ID"] != client.get("/health")["X-Request-ID"]
        assert "request_id" not in structlog.contextvars.get_contextvars()

    def test_the_request_id_is_in_the_logs(self, quiet, caplog):
        with caplog.at_level(logging.ERROR):
            quiet.get("/api/v1/raise/zero", headers={"X-Request-ID": "find-me"})
        events = []
        for record in caplog.records:
            with structlog.contextvars.bound_contextvars():
                events.append(record.getMessage())
        assert any("/api/v1/raise/zero" in event for event in events)


class TestBodies:
    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b'{"name": "a"}', 200),
            (b'{"name": "a", "quality": {"authority": 1}}', 200),
            (b'{"name": "<script>alert(1)"}', 400),
            (b'{"name": "\'; --"}', 200),
            (b"", 400),
            (b"{", 400),
            (b"[]", 400),
            (b"null", 400),
            (b'"text"', 400),
            (b"\xff\xfe", 400),
            (b'{"name": NaN}', 400),
            (b'{"name": "a", "anything": Infinity}', 400),
            (b'{"name": "a", "anything": -Infinity}', 400),
            (b'{"name": "a", "anything": 1e999}', 400),
            (b'{"name": "a", "anything": ' + b"9" * 5000 + b"}", 400),
            (b'{"name": "a", "quality": {"authority": 1e308}}', 400),
            (b'{"name": "a", "anything": "\\ud800"}', 400),
            (b'{"name": "a", "anything": "\\u0000"}', 400),
            (b'{"name": "a", "anything": {"\\u0000": 1}}', 400),
            (b'{"name": "a", "anything": "\\\\u0000"}', 200),
            (b'{"name": "a\\u0000"}', 400),
            (b'{"name": "a\x00"}', 400),
            (b'{"name": "\\u00e9\\ud83d\\ude00"}', 200),
            (b"[" * 200_000, 400),
            (b'{"name":' * 100_000, 400),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_json_is_strict(self, quiet, raw, status):
        answer = post(quiet, raw)
        assert answer.status_code == status, answer.text
        if status == 400:
            assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("body", "paths"),
        [
            ({}, ["name"]),
            ({"name": "a", "colour": 1, "size": 2}, ["colour", "size"]),
            ({"name": "a" * 11, "colour": 1}, ["colour", "name"]),
            ({"name": "a", "quality": {"authority": 2}}, ["quality.authority"]),
            ({"name": "a", "quality": {"authority": 1, "b": 2}}, ["quality.b"]),
            ({"name": "a", "quality": []}, ["quality"]),
            ({"name": "a", "tags": ["short", "too long"]}, ["tags[1]"]),
            ({"name": 5}, ["name"]),
            ({"name": "a", "count": "5", "sure": 0, "colour": 1}, ["colour", "count", "sure"]),
            ({"name": "a", "count": 5.5}, ["count"]),
            ({"name": "a", "count": True}, ["count"]),
            ({"name": "a", "sure": "yes"}, ["sure"]),
            ({"name": "a", "sure": None}, ["sure"]),
            ({"name": "a", "id": 5, "at": 1, "day": 20260101}, ["at", "day", "id"]),
            ({"name": "a", "id": True}, ["id"]),
            ({"name": "a", "tags": ["a", 5, "c", True]}, ["tags[1]", "tags[3]"]),
            ({"name": "a", "tags": "abc"}, ["tags"]),
            ({"name": "a", "quality": {"authority": "1"}}, ["quality.authority"]),
            ({"name": "a", "quality": {"authority": True}}, ["quality.authority"]),
        ],
        ids=str,
    )
    def test_what_is_wrong_is_named_by_its_path(self, client, body, paths):
        answer = post(client, json.dumps(body))
        assert sorted(fault["path"] for fault in answer.json()["errors"]) == paths

    def test_what_json_schema_takes_is_taken(self, client):
        body = {"name": "a", "count": 5.0, "sure": True, "tags": ["b"], "quality": {"authority": 1}}
        assert post(client, json.dumps(body)).json() == {**body, "count": 5, "quality": {"authority": 1.0}}
        assert post(client, json.dumps({"name": "a", "count": None})).json() == {"name": "a", "count": None}

    def test_of_more_than_the_limit_are_not_read(self, quiet):
        answer = post(quiet, b'{"name": "' + b"x" * 10_000_000 + b'"}')
        assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
    def test_of_another_type(self, quiet, kind):
        answer = post(quiet, b"name=a", kind)
        assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")


class TestAccess:
    def test_an_operation_without_a_scope_is_closed(self, client, quiet):
        assert client.get("/api/v1/scopeless").status_code == 200
        with pytest.raises(ImproperlyConfigured, match="Scopeless names no scope for post"):
            client.post("/api/v1/scopeless")
        assert quiet.post("/api/v1/scopeless").status_code == 500

    @pytest.mark.parametrize("path", ["counted", "plain"])
    @pytest.mark.parametrize(
        ("role", "status"), [(None, 401), ("none", 403), ("viewer", 200), ("analyst", 200), ("admin", 200)]
    )
    def test_asks_the_policy(self, client, path, role, status):
        user = None if role is None else UserFactory() if role == "none" else UserFactory(role=role)
        answer = client.get(f"/api/v1/{path}", headers=bearer(user) if user else {})
        assert answer.status_code == status
        assert ("WWW-Authenticate" in answer) == (status == 401)

    @pytest.mark.parametrize("path", ["counted", "plain"])
    def test_a_keys_scopes_limit_it(self, client, path):
        user = UserFactory(role="admin")
        for scopes, status in ((["read:scenarios"], 200), (["read:*"], 200), (["write:*"], 403)):
            _, text = key_create(user=user, name=scopes[0], scopes=scopes)
            answer = client.get(f"/api/v1/{path}", headers={"Authorization": f"Api-Key {text}"})
            assert answer.status_code == status

    @pytest.mark.parametrize("path", ["counted", "plain"])
    def test_a_bad_token_is_not_a_stranger(self, client, path):
        client.force_login(UserFactory(role="viewer"))
        assert client.get(f"/api/v1/{path}").status_code == 200
        assert client.get(f"/api/v1/{path}", headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize("path", ["counted", "plain"])
class TestLimits:
    def test_are_told_and_kept(self, client, path):
        headers = bearer(UserFactory(role="viewer"))
        answers = [client.get(f"/api/v1/{path}", headers=headers) for _ in range(51)]
        assert [each.status_code for each in answers] == [200] * 50 + [429]
        assert [each["RateLimit-Remaining"] for each in answers] == [str(left) for left in [*range(49, -1, -1), 0]]
        assert {each["RateLimit-Limit"] for each in answers} == {"50"}
        assert answers[-1]["Retry-After"] == answers[-1]["RateLimit-Reset"]
        assert "Retry-After" not in answers[0]
        assert answers[-1].json()["title"] == "Too Many Requests"

    def test_admins_have_none(self, client, path):
        answer = client.get(f"/api/v1/{path}", headers=bearer(UserFactory(role="admin")))
        assert not [name for name in answer.headers if name.startswith("RateLimit")]

    def test_what_is_refused_does_not_count(self, client, path):
        user = UserFactory()
        client.get(f"/api/v1/{path}", headers=bearer(user))
        client.get(f"/api/v1/{path}")
        client.post(f"/api/v1/{path}", headers=bearer(UserFactory(role="viewer")))
        from accounts.redis_client import connection

        assert not connection().keys("limit:*")


def test_what_is_kept_is_free_also_for_who_has_used_all_up(client):
    headers = bearer(UserFactory(role="viewer"))
    answers = [client.get(f"/api/v1/kept{query}", headers=headers) for query in ["?kept=1", *[""] * 51, "?kept=1"]]
    assert [each.status_code for each in answers] == [200] * 51 + [429, 200]
    assert [each["RateLimit-Remaining"] for each in answers[:2]] == ["50", "49"]
    assert (answers[-1]["RateLimit-Remaining"], "Retry-After" in answers[-1]) == ("0", False)
    assert 3500 < int(answers[-2]["Retry-After"]) <= 3600


@pytest.mark.parametrize("path", ["counted", "plain", "users"])
def test_parameters_are_those_described_and_come_once(client, path):
    headers = bearer(UserFactory(role="viewer"))
    name = "limit" if path == "users" else "kept"
    assert client.get(f"/api/v1/{path}?{name}=1", headers=headers).status_code == 200
    answer = client.get(f"/api/v1/{path}?{name}=1&{name}=2&foo=3", headers=headers)
    assert answer.status_code == 400
    assert [(fault["path"], fault["code"]) for fault in answer.json()["errors"]] == [
        (name, "repeated"),
        ("foo", "unknown"),
    ]


class TestETags:
    def test_what_the_client_has_is_not_sent_and_does_not_count(self, client):
        headers = bearer(UserFactory(role="viewer"))
        first = client.get("/api/v1/counted", headers=headers)
        again = client.get("/api/v1/counted", headers={**headers, "If-None-Match": first["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert first["RateLimit-Remaining"] == again["RateLimit-Remaining"] == "49"
        other = client.get("/api/v1/counted", headers={**headers, "If-None-Match": '"other"'})
        assert (other.status_code, other["RateLimit-Remaining"]) == (200, "48")

    def test_answers_are_for_one_person(self, client):
        answer = client.get("/api/v1/versioned")
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))

    def test_a_known_version(self, client):
        first = client.get("/api/v1/versioned")
        assert client.get("/api/v1/versioned", headers={"If-None-Match": first["ETag"]}).status_code == 304
        assert client.get("/api/v1/versioned", headers={"If-None-Match": f"W/{first['ETag']}"}).status_code == 304

    @pytest.mark.parametrize(
        ("header", "status"),
        [(None, 428), ("{}", 200), ('"a", {}', 200), ("*", 200), ('"a"', 412), ("W/{}", 412), ("nonsense", 412)],
    )
    def test_a_write_names_the_version_it_changes(self, client, header, status):
        etag = client.get("/api/v1/versioned")["ETag"]
        headers = {"If-Match": header.format(etag)} if header else {}
        assert client.patch("/api/v1/versioned", headers=headers).status_code == status


class TestPages:
    @pytest.fixture(autouse=True)
    def _users(self):
        for number, (first, last) in enumerate(
            [("b", "x"), ("a", "y"), ("b", "y"), ("a", "x"), ("b", "x"), ("a", "x")]
        ):
            UserFactory(username=f"u{number}", first_name=first, last_name=last)

    def pages(self, client, query):
        found, url = [], f"/api/v1/users?{query}"
        while url:
            page = client.get(url).json()
            assert (page["total_count"], page["filters_applied"]) == (6, {})
            found.append(page["users"])
            url = page["next"]
        return found

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("order=pk", "012345"),
            ("order=-pk", "543210"),
            ("order=first_name", "135024"),
            ("order=first_name&order=-last_name", "135204"),
            ("order=-first_name&order=letter", "042351"),
            ("order=-date_joined", "543210"),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 3, 5])
    def test_hold_every_row_once_and_in_order(self, client, order, expected, limit):
        found = self.pages(client, f"{order}&limit={limit}")
        assert "".join(name[1] for page in found for name in page) == expected
        assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)

    def test_rows_that_come_meanwhile_shift_nothing(self, client):
        first = client.get("/api/v1/users?order=first_name&limit=2").json()
        UserFactory(username="new", first_name="a", last_name="x")
        UserFactory(username="old", first_name="A", last_name="x")
        second = client.get(first["next"]).json()
        assert first["users"] + second["users"] in (["u1", "u3", "u5", "new"], ["u1", "u3", "u5", "u0"])

    @pytest.mark.parametrize("limit", ["0", "-1", "6", "x", "", "1.5", "１", "9" * 5000])
    def test_a_limit_that_is_none(self, client, limit):
        answer = client.get("/api/v1/users", {"limit": limit, "order": "pk"})
        assert answer.status_code == 400
        assert [fault["path"] for fault in answer.json()["errors"]] == ["limit"]

    def test_a_cursor_of_another_order_or_of_nowhere(self, client):
        following = client.get("/api/v1/users?order=first_name&limit=2").json()["next"]
        for url in (
            following.replace("first_name", "last_name"),
            following.replace("cursor=", "cursor=x"),
            "/api/v1/users?order=pk&cursor=e30",
        ):
            answer = client.get(url)
            assert answer.status_code == 400, url
            assert [fault["path"] for fault in answer.json()["errors"]] == ["cursor"]


class TestPlainViews:
    def test_know_who_asks(self, client):
        user = UserFactory(username="ada", role="viewer")
        assert client.get("/api/v1/plain", headers=bearer(user)).json() == {"user": "ada"}
        assert client.get("/api/v1/plain", headers={"Authorization": "Bearer x"}).status_code == 401
        refused = client.post("/api/v1/plain", headers=bearer(user))
        assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")

    async def ask(self, role, **headers):
        client = AsyncClient(raise_request_exception=False)
        token = await sync_to_async(lambda: bearer(UserFactory(username="ada", role=role)))()
        try:
            return await client.post("/api/v1/later", headers={**token, **headers})
        finally:
            await sync_to_async(connections.close_all)()

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    async def test_wait_without_a_thread(self):
        answer = await self.ask("analyst")
        assert answer.json() == {"user": "ada", "counted": 9}
        assert (answer["RateLimit-Remaining"], answer["Cache-Control"]) == ("9", "private, no-cache")

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    async def test_give_back_what_turns_out_not_to_count(self):
        assert (await self.ask("analyst", **{"X-Cached": "1"}))["RateLimit-Remaining"] == "10"

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    @pytest.mark.parametrize(
        ("role", "headers", "status"),
        [("viewer", {}, 403), ("analyst", {"X-Wrong": "1"}, 409), ("analyst", {"X-Broken": "1"}, 500)],
    )
    async def test_answer_with_problems(self, role, headers, status):
        answer = await self.ask(role, **headers)
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert answer.json()["request_id"] == answer["X-Request-ID"]
