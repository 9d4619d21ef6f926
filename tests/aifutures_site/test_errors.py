"""Errors as an error tracker hears of them."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aifutures_site.environment import PROJECT
from tests.processes import environment

FAIL = """
import django
django.setup()
from django.test import Client
secrets = {"Cookie": "sessionid=0123456789", "Authorization": "Bearer me"}
client = Client(raise_request_exception=False, SERVER_NAME="localhost", headers=secrets)
client.get("/", SERVER_NAME="elsewhere")
print(client.post("/accounts/login", {"username": "ada", "password": "my password"}).status_code)
import sentry_sdk
sentry_sdk.flush(20)
"""
"""A page of an installation without a database."""


@pytest.fixture
def tracker():
    """Its address, and the bodies of what it was sent."""
    received = []

    class Tracker(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Tracker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://public@127.0.0.1:{server.server_port}/1", received
        server.shutdown()


def test_a_page_that_fails_is_told_without_what_it_was_sent(tracker, tmp_path):
    address, received = tracker
    env = environment(tmp_path, SENTRY_DSN=address, DJANGO_SETTINGS_MODULE="aifutures_site.settings")
    command = [sys.executable, "-c", FAIL]
    failed = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert failed.stdout.strip() == "500", failed.stderr
    told = [json.loads(line) for body in received for line in body.splitlines() if line.startswith(b'{"')]
    (event,) = [each for each in told if "exception" in each]
    assert "no such table" in event["exception"]["values"][-1]["value"]
    assert event["transaction"] == "/accounts/login"
    for secret in (b"my password", b"0123456789", b"Bearer me"):
        assert not any(secret in body for body in received)
