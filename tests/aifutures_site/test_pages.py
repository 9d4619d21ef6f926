"""Signing in, and pages for what goes wrong."""

import hashlib
import re
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.templatetags.static import static
from django.test import Client

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def user():
    return get_user_model().objects.create_user("ada", password=PASSWORD)


@pytest.mark.sqlite
def test_sign_in_and_out(client, user):
    page = client.get("/accounts/login?next=/health")
    assert "Sign in to open that page." in page.text
    answer = client.post("/accounts/login", {"username": "ada", "password": PASSWORD, "next": "/health"})
    assert (answer.status_code, answer["Location"]) == (302, "/health")
    answer = client.post("/accounts/logout")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login")


def test_wrong_password(client, user):
    answer = client.post("/accounts/login", {"username": "ada", "password": "wrong"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text


def test_never_leads_to_another_site(client, user):
    body = {"username": "ada", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/accounts/login", body)["Location"] == "/"


def test_guessing_passwords_is_stopped(client, user):
    for _ in range(10):
        answer = client.post("/accounts/login", {"username": "ada", "password": "wrong"})
    assert answer.status_code == 429
    assert client.post("/accounts/login", {"username": "ada", "password": PASSWORD}).status_code == 429


def test_pages_allow_no_foreign_or_inline_code(client):
    page = client.get("/accounts/login")
    policy = page["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page["X-Frame-Options"] == "DENY"


def test_admin_asks_to_sign_in(client):
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "There is no page at this address"),
        ("/evidence/a%00b", 404, "There is no page at this address"),
        ("/api/v1/evidence/a%00b/influence", 404, "There is nothing at this address."),
        ("/metrics", 403, "Your account may not do this"),
    ],
)
def test_error_pages(client, path, status, words):
    answer = client.get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert "private" in answer["Cache-Control"]


def test_error_pages_say_why_and_keep_the_menu(client):
    client.force_login(UserFactory(role="viewer"))
    nowhere = client.get("/nowhere").text
    assert "It may have been moved" in nowhere
    assert "Scenarios</a>" in nowhere
    no_run = client.get(f"/runs/{uuid4()}")
    assert (no_run.status_code, "There is no such run, or you may not see it." in no_run.text) == (404, True)
    forbidden = client.get("/runs/new")
    assert (forbidden.status_code, "Scenarios</a>" in forbidden.text) == (403, True)


def test_a_form_that_was_open_while_somebody_signed_in_elsewhere():
    answer = Client(enforce_csrf_checks=True).post("/accounts/login", {"username": "ada", "password": PASSWORD})
    assert (answer.status_code, "This form is out of date" in answer.text) == (403, True)


def test_fault_of_ours(settings, monkeypatch):
    monkeypatch.setattr("aifutures_site.health.is_up", lambda url: 1 / 0)
    answer = Client(raise_request_exception=False).get("/ready")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_unknown_host_is_refused(client):
    answer = client.get("/health", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "This request could not be read" in answer.text


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (None, {"Your account"}),
        ("viewer", {"Dashboard", "Your account"}),
        ("admin", {"Dashboard", "Admin", "Your account"}),
    ],
)
def test_the_menu_offers_what_the_role_may(client, role, offered):
    client.force_login(UserFactory(role=role))
    links = set(re.findall(r">([^<>]+)</a>", client.get("/account").text))
    assert offered <= links
    assert not ({"Dashboard", "Admin"} - offered) & links


def test_plotly_comes_from_its_package(client):
    answer = client.get("/static/plotly/plotly.min.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"plotly.js v" in b"".join(answer.streaming_content)[:100]


def test_addresses_of_files_change_with_their_content(client):
    page = client.get("/accounts/login").text
    name, version = re.search(r"/static/(css/base\.css)\?v=([0-9a-f]{12})", page).groups()
    content = b"".join(client.get(f"/static/{name}?v={version}").streaming_content)
    assert hashlib.sha256(content).hexdigest().startswith(version)
    assert static("css/nothing.css") == "/static/css/nothing.css"
