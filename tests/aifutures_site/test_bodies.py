"""Bodies that are too big, sent to daphne by whoever likes."""

from __future__ import annotations

import json
import select
import socket
import sys
from contextlib import contextmanager

import httpx
import pytest
from django.conf import settings

from tests.processes import START_SECONDS, environment, running, wait_until

LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
TOKEN, IMPORT = "/api/v1/auth/token", "/api/v1/evidence/import"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Where daphne listens, as `serve` starts it; nothing here gets as far as the database."""
    folder = tmp_path_factory.mktemp("bodies")
    log = folder / "log"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    command = (sys.executable, "-m", "aifutures_site.daphne", "-v", "0", "-p", str(free))
    env = environment(folder, REDIS_URL=settings.REDIS_URL)
    with running(*command, "aifutures_site.asgi:application", env=env, log=log) as process:

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{free}/health").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, START_SECONDS, "daphne")
        yield free
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def web(port):
    """A client of it."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield client


@contextmanager
def connected(port, head):
    """A connection on which the head of a request was sent."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"{head}\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n".encode())
        yield connection


def answer_on(connection):
    """Status line, headers and document, once the server says no more."""
    text = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
    head, _, body = text.partition("\r\n\r\n")
    return head, json.loads(body)


def assert_refused(head, document):
    assert head.startswith("HTTP/1.1 413 ")
    assert "Content-Type: application/problem+json" in head
    assert "Connection: close" in head
    assert (document["status"], document["detail"]) == (413, "The body is too big.")


@pytest.mark.parametrize("path", [TOKEN, "/accounts/login", "/api/v1/nothing", "/health"])
def test_what_is_announced_as_too_big_is_refused_before_it_is_sent(port, path):
    with connected(port, f"POST {path} HTTP/1.1\r\nContent-Length: {LIMIT + 1}\r\nExpect: 100-continue") as connection:
        assert_refused(*answer_on(connection))


def test_chunks_are_taken_to_the_limit(port):
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with connected(port, f"POST {TOKEN} HTTP/1.1\r\nTransfer-Encoding: chunked") as connection:
        for _ in range(LIMIT // 65_536):
            connection.sendall(chunk)
        assert not select.select([connection], [], [], 0.2)[0]
        connection.sendall(chunk * 2)
        assert_refused(*answer_on(connection))


@pytest.mark.parametrize("body", [b"x" * 10_000_000, iter([b"x" * 1_000_000] * 10)], ids=["length", "chunks"])
def test_who_sends_all_the_same_reads_why(web, body):
    answer = web.post(TOKEN, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["title"]) == (413, "Request Entity Too Large")


def test_a_body_of_the_very_size_is_read(web):
    body = b'"' + b"x" * (LIMIT - 2) + b'"'
    for content in (body, iter([body])):
        answer = web.post(TOKEN, content=content, headers=JSON)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "Invalid data. Expected a dictionary, but got str."


def test_a_broken_form_is_answered_by_the_application(web):
    answer = web.post(TOKEN, content="no part", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/problem+json")


@pytest.mark.parametrize("model", ["evidence", "source"])
def test_forms_that_take_tables_have_room_for_the_largest(web, model):
    sizes = (20_000_000, 20_100_000)
    files = [{"file": ("rows.csv", b"x" * size)} for size in sizes]
    answers = [web.post(f"/admin/evidence/{model}/import", files=file, data={"reason": "y"}) for file in files]
    assert [answer.status_code for answer in answers] == [403, 413]  # the first for want of a CSRF token
    assert answers[0].headers["Content-Type"].startswith("text/html")


def test_tables_may_be_bigger(web):
    assert web.post(f"{IMPORT}?dry_run=true", content=b"x" * 20_000_000, headers=JSON).status_code == 401
    assert web.post(IMPORT, content=b"x" * 20_000_001, headers=JSON).status_code == 413
    assert web.get("/health").status_code == 200
