"""Rate limits: who has which, that they hold when many ask at once, and what happens without Redis."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from redis import ConnectionError as NoRedis

from accounts import limits
from accounts.api.throttles import charge, refund
from accounts.limits import (
    AddressCost,
    Cost,
    LimitsUnavailable,
    limit_consume,
    limit_consume_address,
    limit_refund,
    limit_status,
)
from accounts.redis_client import connection
from aifutures_site.config import get_config
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

TABLE = {
    "viewer": {Cost.SCENARIO_QUERIES: (50, 3600), Cost.ANALYSIS_RUNS: (10, 3600)},
    "analyst": {Cost.EVIDENCE_QUERIES: (100, 3600), Cost.ANALYSIS_RUNS: (10, 3600), Cost.WHAT_IF: (600, 60)},
    "curator": {Cost.ANALYSIS_RUNS: (10, 3600), Cost.WHAT_IF: (600, 60)},
    "admin": {},
}


@pytest.fixture
def configured(monkeypatch):
    """Set rates of a role, or of `address`."""

    def change(who, **rates):
        config = get_config()
        of_whom = getattr(config.limits, who).model_copy(update=rates)
        changed = config.model_copy(update={"limits": config.limits.model_copy(update={who: of_whom})})
        monkeypatch.setattr(limits, "get_config", lambda: changed)

    return change


@pytest.fixture
def without_redis(monkeypatch):
    def lost(*args, **kwargs):
        raise NoRedis("gone")

    monkeypatch.setattr(limits, "count_script", lambda: lost)


@pytest.mark.parametrize("role", TABLE)
@pytest.mark.parametrize("cost", Cost)
def test_the_table(role, cost):
    found = limit_status(user=UserFactory(role=role), cost=cost)
    assert (found.limit, found.window) == TABLE[role].get(cost, (None, 0))
    assert found.allowed


def test_the_last_place_and_the_wait_after_it():
    user = UserFactory(role="analyst")
    taken = [limit_consume(user=user, cost=Cost.ANALYSIS_RUNS) for _ in range(11)]
    assert [each.allowed for each in taken] == [True] * 10 + [False]
    assert [each.remaining for each in taken] == [*range(9, -1, -1), 0]
    assert 3590 <= taken[-1].reset <= 3600
    assert taken[-1].headers()["Retry-After"] == str(taken[-1].reset)
    assert limit_status(user=user, cost=Cost.WHAT_IF).remaining == 600
    assert limit_consume(user=UserFactory(role="analyst"), cost=Cost.ANALYSIS_RUNS).remaining == 9


def test_many_at_once_take_no_more_than_there_are():
    user = UserFactory(role="analyst")
    assert user.role
    barrier, taken = threading.Barrier(8), []

    def take():
        barrier.wait()
        taken.extend(limit_consume(user=user, cost=Cost.ANALYSIS_RUNS).allowed for _ in range(5))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken.count(True), len(taken)) == (10, 40)


def test_the_window_slides(configured):
    configured("viewer", scenario_queries="2/second")
    user = UserFactory(role="viewer")

    def take():
        return limit_consume(user=user, cost=Cost.SCENARIO_QUERIES).allowed

    assert (take(), take(), take()) == (True, True, False)
    time.sleep(1.02)
    assert (take(), take(), take()) == (True, True, False)


def test_a_limit_that_is_lowered_counts_what_was_taken(configured):
    user = UserFactory(role="viewer")
    for _ in range(5):
        limit_consume(user=user, cost=Cost.SCENARIO_QUERIES)
    configured("viewer", scenario_queries="3/hour")
    found = limit_consume(user=user, cost=Cost.SCENARIO_QUERIES)
    assert (found.allowed, found.remaining) == (False, 0)
    assert found.reset > 3590


def test_a_place_is_given_back():
    user = UserFactory(role="analyst")
    first = limit_consume(user=user, cost=Cost.ANALYSIS_RUNS)
    returned = limit_refund(first)
    assert returned.remaining == 10
    assert limit_refund(returned) == returned
    assert limit_consume(user=user, cost=Cost.ANALYSIS_RUNS).remaining == 9


def test_what_is_refused_takes_no_place():
    user = UserFactory(role="analyst")
    places = [limit_consume(user=user, cost=Cost.ANALYSIS_RUNS) for _ in range(12)]
    limit_refund(places[-1])
    limit_refund(places[0])
    assert limit_consume(user=user, cost=Cost.ANALYSIS_RUNS).allowed
    assert not limit_consume(user=user, cost=Cost.ANALYSIS_RUNS).allowed


def test_counts_leave_redis_with_their_window():
    user = UserFactory(role="viewer")
    limit_consume(user=user, cost=Cost.SCENARIO_QUERIES)
    (name,) = connection().keys("limit:*")
    assert 0 < connection().ttl(name) <= 3600


def test_addresses_have_limits_of_their_own(configured):
    configured("address", sign_in="2/hour")

    def take(address):
        return limit_consume_address(address=address, cost=AddressCost.SIGN_IN).allowed

    assert [take("192.0.2.1"), take("192.0.2.1"), take("192.0.2.1"), take("192.0.2.2")] == [True, True, False, True]
    assert limit_consume_address(address="192.0.2.1", cost=AddressCost.TOKEN_REFRESH).allowed


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:0:0:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_a_subscriber_has_one_limit_for_all_its_addresses(configured, one, other, together):
    configured("address", sign_in="1/hour")
    assert limit_consume_address(address=one, cost=AddressCost.SIGN_IN).allowed
    assert limit_consume_address(address=other, cost=AddressCost.SIGN_IN).allowed is not together


def test_without_redis_reads_go_uncounted_and_say_so(without_redis, caplog):
    with caplog.at_level(logging.WARNING):
        found = limit_consume(user=UserFactory(role="viewer"), cost=Cost.SCENARIO_QUERIES)
    assert found.allowed
    assert found.headers() == {}
    assert "not counted" in caplog.text


@pytest.mark.parametrize("cost", [Cost.ANALYSIS_RUNS, Cost.WHAT_IF])
def test_without_redis_nothing_is_computed(without_redis, cost):
    with pytest.raises(LimitsUnavailable):
        limit_consume(user=UserFactory(role="analyst"), cost=cost)


class TestSigningIn:
    def test_pages_and_tokens_share_the_limit_of_an_address(self, client, configured):
        configured("address", sign_in="3/hour")
        form = {"username": "ada", "password": "wrong"}

        def page():
            return client.post("/accounts/login", form)

        def token():
            return client.post("/api/v1/auth/token", form, content_type="application/json")

        assert [page().status_code, token().status_code, page().status_code] == [200, 401, 200]
        refused, problem = page(), token()
        assert (refused.status_code, problem.status_code) == (429, 429)
        assert "Too many attempts" in refused.text
        assert problem["Content-Type"] == "application/problem+json"
        for answer in (refused, problem):
            assert 3500 < int(answer["Retry-After"]) <= 3600
        assert (problem["RateLimit-Limit"], problem["RateLimit-Remaining"]) == ("3", "0")
        assert client.post("/accounts/login", form, REMOTE_ADDR="192.0.2.7").status_code == 200

    def test_what_succeeds_does_not_count(self, client, configured):
        configured("address", sign_in="1/hour")
        user = UserFactory(username="ada", role="viewer")
        user.set_password("correct horse")
        user.save()
        form = {"username": "ada", "password": "correct horse"}
        for _ in range(3):
            assert client.post("/accounts/login", form).status_code == 302
            client.logout()
            answer = client.post("/api/v1/auth/token", form, content_type="application/json")
            assert (answer.status_code, answer["RateLimit-Remaining"]) == (200, "1")

    def test_the_page_after_too_many_wrong_passwords(self, client):
        for _ in range(10):
            answer = client.post("/accounts/login", {"username": "ada", "password": "wrong"})
        assert answer.status_code == 429
        assert "Wait 15 minutes" in answer.text
        assert answer["Retry-After"] == "900"


def test_what_a_worker_was_asked_for_counts_whatever_is_answered(rf):
    user, request = UserFactory(role="analyst"), rf.get("/")
    for kept, places in ((False, 0), (True, 1)):
        before = limit_status(user=user, cost=Cost.ANALYSIS_RUNS).remaining
        charge(request, Cost.ANALYSIS_RUNS, user=user, kept=kept)
        refund(request)
        assert limit_status(user=user, cost=Cost.ANALYSIS_RUNS).remaining == before - places
