"""Requests under ASGI: by the chain that their view needs, in one step."""

import asyncio
import threading

import httpx
import pytest
from django.db import connections
from django.http import HttpResponse
from django.urls import path, reverse

from aifutures_site import handlers
from aifutures_site.environment import PROJECT
from aifutures_site.urls import urlpatterns as site_urls
from tests import asgi
from tests.factories import UserFactory

seen = []
released = threading.Event()


def threaded(request):
    """Where the view is, and the middleware before it was."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")
    seen.append((threading.current_thread(), connections["default"].connection))
    return HttpResponse("threaded")


async def waiting(request):
    seen.append((threading.current_thread(), None))
    return HttpResponse("waiting")


def slow(request):
    assert released.wait(30)
    return HttpResponse("slow")


def broken(request):
    raise RuntimeError("broken view")


urlpatterns = [
    path("threaded", threaded),
    path("waiting", waiting),
    path("slow", slow),
    path("broken", broken),
    *site_urls,
]


@pytest.fixture
def handler(settings):
    with asgi.handler() as handler:
        yield handler


@pytest.fixture
def client(handler):
    return httpx.AsyncClient(transport=httpx.ASGITransport(handler), base_url="http://localhost", timeout=60)


@pytest.fixture
def ask(client):
    return lambda address, method="GET", **options: asyncio.run(client.request(method, address, **options))


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestChains:
    @pytest.fixture(autouse=True)
    def nothing_seen(self):
        yield
        seen.clear()  # who holds a connection keeps it open

    def test_a_view_that_is_not_async_has_a_thread_that_keeps_its_connection(self, ask):
        for _ in range(handlers.THREADS + 1):
            assert ask("/threaded").text == "threaded"
        kept = dict(seen)
        assert threading.main_thread() not in kept
        assert set(seen) == set(kept.items())
        assert not any(connection.closed for connection in kept.values())

    def test_a_connection_that_was_lost_is_made_anew(self, ask):
        ask("/threaded")
        ((thread, lost),) = seen
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [lost.info.backend_pid])
        while len([each for each in seen if each[0] is thread]) < 2:
            assert ask("/threaded").text == "threaded"
        assert lost not in [connection for _, connection in seen[1:]]

    def test_slow_requests_hold_up_others_for_a_moment_only(self, client):
        async def ask_at_once():
            waiting = [asyncio.create_task(client.get("/slow")) for _ in range(handlers.TURNS + 1)]
            await asyncio.sleep(0)
            answer = await client.get("/threaded")
            assert not any(each.done() for each in waiting)
            released.set()
            return answer.text, {each.text for each in await asyncio.gather(*waiting)}

        released.clear()
        assert asyncio.run(ask_at_once()) == ("threaded", {"slow"})

    def test_a_client_that_leaves_does_not_give_its_turn_to_others_early(self, handler, client):
        turns = handler._synchronous._turns

        async def leave():
            asked = [asyncio.create_task(client.get("/slow")) for _ in range(handlers.TURNS)]
            while not turns.locked():
                await asyncio.sleep(0.01)
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            assert turns.locked()
            released.set()
            await asyncio.wait_for(turns.acquire(), 30)

        released.clear()
        asyncio.run(leave())

    def test_an_async_view_waits_in_the_event_loop(self, ask):
        assert ask("/waiting").text == "waiting"
        assert seen == [(threading.main_thread(), None)]

    def test_a_broken_view_is_a_page(self, ask, caplog):
        assert ask("/broken").status_code == 500


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_files_pages_and_the_api_have_their_headers(ask):
    css = ask("/static/css/tokens.css")
    assert css.content == (PROJECT / "static/css/tokens.css").read_bytes()
    page = ask(reverse("home"))
    assert page.status_code == 302
    assert "Content-Security-Policy" in page.headers
    problem = ask("/api/v1/nowhere", headers={"X-Request-ID": "mine"})
    assert (problem.status_code, problem.headers["X-Request-ID"]) == (404, "mine")
    assert problem.json()["request_id"] == "mine"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_forms_and_documents_are_read(ask):
    form = {"username": UserFactory().username, "password": "wrong", "csrfmiddlewaretoken": "x" * 64}
    refused = ask("/accounts/login", method="POST", data=form, headers={"Cookie": f"csrftoken={'y' * 32}"})
    assert refused.status_code == 403
    form["csrfmiddlewaretoken"] = "y" * 32
    page = ask("/accounts/login", method="POST", data=form, headers={"Cookie": f"csrftoken={'y' * 32}"})
    assert (page.status_code, "Sign in" in page.text) == (200, True)
    answer = ask("/api/v1/auth/token", method="POST", json={"username": "nobody", "password": "wrong"})
    assert answer.status_code == 401


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_requests_at_once_each_have_their_own(client):
    from accounts.tokens import AccessToken

    tokens = [str(AccessToken.for_user(UserFactory(role="viewer"))) for _ in range(12)]

    async def all_at_once():
        asked = [client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {each}"}) for each in tokens]
        return await asyncio.gather(*asked)

    answers = asyncio.run(all_at_once())
    assert len({answer.json()["username"] for answer in answers}) == 12
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 12
