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
import asyncio
import django
django.setup()
import httpx
import sentry_sdk
from aifutures_site.handlers import Handler

async def ask():
    headers = {"Cookie": "sessionid=my-session", "Referer": "http://localhost/my-page", "X-Mine": "my-header"}
    transport = httpx.ASGITransport(Handler(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        await client.get("/", headers={"Host": "elsewhere"})
        for method, path in [
            ("GET", "/accounts/login?q=my-query"),
            ("GET", "/account/reset/my-user/my-link"),
            ("POST", "/api/v1/what-if?q=my-query"),
        ]:
            answer = await client.request(method, path, content="my-body")
            print(answer.status_code)

asyncio.run(ask())
sentry_sdk.flush(20)
"""
"""Pages of an installation without a database, by the chain of threads and by the one that waits."""


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


def test_pages_that_fail_are_told_without_what_they_were_sent(tracker, tmp_path):
    address, received = tracker
    env = environment(tmp_path, SENTRY_DSN=address, DJANGO_SETTINGS_MODULE="aifutures_site.settings")
    command = [sys.executable, "-c", FAIL]
    failed = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert failed.stdout.split() == ["500", "500", "503"], failed.stderr
    told = [json.loads(line) for body in received for line in body.splitlines() if line.startswith(b'{"')]
    events = [each for each in told if "exception" in each]
    assert all("no such table" in event["exception"]["values"][-1]["value"] for event in events)
    routes = ["/accounts/login", "/account/reset/{uidb64}/{token}", "/api/v1/what-if"]
    assert [event["transaction"] for event in events] == routes
    assert not any(b"my-" in body for body in received)
