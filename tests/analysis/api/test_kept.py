"""Hot reads answered before Django: only what is still true, only to who may still have it."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
import redis
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts import limits
from accounts.api import kept as keeping
from accounts.api.kept import KeptAnswers
from accounts.keys import key_create, key_revoke
from accounts.redis_client import connection
from accounts.services import role_assign, tokens_end
from accounts.stamps import ACCOUNTS, stamp_key
from accounts.tokens import AccessToken
from aifutures_site.config import get_config
from analysis.api import scenarios
from analysis.services.publication import BASELINE, run_publish
from tests import asgi
from tests.analysis.api.support import computed, finished_run
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PATH = "/api/v1/scenarios"


@pytest.fixture
def site(monkeypatch):
    """The application as daphne has it."""
    with asgi.handler() as handler:
        yield from _site(handler, monkeypatch)


def _site(handler, monkeypatch):
    application = KeptAnswers(handler, prefix=PATH, subjects=(ACCOUNTS, BASELINE))
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(scenarios, "FRESH_SECONDS", 1e9)

    class Site:
        app = application

        def get(self, path=PATH, **headers):
            """The answer, and whether it came from memory."""
            before = REGISTRY.get_sample_value("aifutures_kept_answers_total")
            answer = loop.run_until_complete(self._get(path, headers))
            return answer, REGISTRY.get_sample_value("aifutures_kept_answers_total") > before

        async def _get(self, path, headers):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(application), base_url="http://localhost"
            ) as client:
                return await client.get(path, headers=named)

        def warm(self, path=PATH, **headers):
            """Ask until the answer comes from memory."""
            for _ in range(8):
                answer, from_memory = self.get(path, **headers)
                if from_memory:
                    return answer
            raise AssertionError("never kept")

    yield Site()
    if application._redis is not None:
        loop.run_until_complete(application._redis.aclose())
    loop.close()


@pytest.fixture
def viewer(baseline):
    return UserFactory(role="viewer")


def bearer(user):
    return f"Bearer {AccessToken.for_user(user)}"


def test_gives_what_django_gave(site, viewer):
    headers = {"Authorization": bearer(viewer)}
    first, _ = site.get(**headers)
    again = site.warm(**headers)
    assert again.status_code == 200
    assert again.content == first.content
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    same = {name: value for name, value in first.headers.items() if name not in {"x-request-id", "server-timing"}}
    assert same.items() <= dict(again.headers).items()
    for user in viewer, UserFactory(role="viewer"):
        known = site.warm(Authorization=bearer(user), If_None_Match=f'W/{first.headers["ETag"]}, "x"')
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["ETag"] == first.headers["ETag"]
        assert "Content-Type" not in known.headers


def test_other_requests_are_other_answers(site, viewer):
    headers = {"Authorization": bearer(viewer)}
    site.warm(**headers)
    other, kept = site.get(f"{PATH}?min_probability=0", **headers)
    assert not kept
    assert len(other.json()) == 64
    assert site.get(**headers, Origin="http://localhost")[1] is False
    assert site.get(**headers, Cookie="a=b")[1] is False
    stranger, kept = site.get(Authorization=f"{headers['Authorization']}x")
    assert (stranger.status_code, kept) == (401, False)


def test_what_ends_somebodys_access_ends_it_at_the_next_request(site, viewer):
    admin, other = UserFactory(role="admin"), UserFactory(role="viewer")
    key, text = key_create(user=other, name="machine")
    asked = {"Authorization": bearer(viewer)}, {"Authorization": f"Api-Key {text}"}, {"Authorization": bearer(other)}
    for each in asked:
        site.warm(**each)
    role_assign(user=viewer, role=None, actor=admin)
    assert site.get(**asked[0])[0].status_code == 401
    key_revoke(key=key, actor=other)
    assert site.get(**asked[1])[0].status_code == 401
    tokens_end(user=other)
    assert site.get(**asked[2])[0].status_code == 401


def test_an_answer_does_not_outlast_what_the_asker_came_with(site, viewer, monkeypatch):
    monkeypatch.setattr(keeping, "LONGEST", 1e6)
    token = AccessToken.for_user(viewer)
    token.set_exp(lifetime=timedelta(seconds=60))
    _, text = key_create(user=viewer, name="machine", expires_at=timezone.now() + timedelta(seconds=60))
    for each in f"Bearer {token}", f"Api-Key {text}":
        site.warm(Authorization=each)
    left = [answer.until - time.monotonic() for answer in site.app._kept.values()]
    assert len(left) == 2
    assert all(0 < seconds <= 60 for seconds in left)
    site.app._kept.update({key: replace(answer, until=0) for key, answer in site.app._kept.items()})
    assert site.get(Authorization=f"Bearer {token}")[1] is False


def test_a_new_baseline_is_seen_at_once(site, viewer):
    headers = {"Authorization": bearer(viewer)}
    before = site.warm(**headers)
    _, result = computed()
    code, *others = result["scenario_probabilities"]
    year = result["metadata"]["target_year"]
    evolution = [
        {**each, "scenarios": dict.fromkeys(others, 0.0) | {code: 1.0}} if each["year"] == year else each
        for each in result["temporal_evolution"]
    ]
    run_publish(run=finished_run(result={**result, "temporal_evolution": evolution}), actor=UserFactory(role="admin"))
    after, kept = site.get(**headers)
    assert not kept
    assert [row["scenario_id"] for row in after.json()] == [code]
    assert len(before.json()) > 1


def test_nothing_is_kept_while_redis_is_lost_or_has_forgotten(site, viewer, monkeypatch):
    headers = {"Authorization": bearer(viewer)}
    site.warm(**headers)
    connection().delete(stamp_key(ACCOUNTS))
    assert site.get(**headers)[1] is False
    site.warm(**headers)

    async def lost(*_):
        raise redis.ConnectionError

    monkeypatch.setattr(KeptAnswers, "_look", lost)
    answer, kept = site.get(**headers)
    assert (answer.status_code, kept) == (200, False)


def test_kept_answers_are_given_to_who_has_used_all_up(site, viewer, monkeypatch):
    config = get_config()
    of_viewers = config.limits.viewer.model_copy(update={"scenario_queries": "1/hour"})
    few = config.model_copy(update={"limits": config.limits.model_copy(update={"viewer": of_viewers})})
    monkeypatch.setattr(limits, "get_config", lambda: few)
    headers = {"Authorization": bearer(viewer)}
    assert limits.limit_consume(user=viewer, cost=limits.Cost.SCENARIO_QUERIES).remaining == 0
    site.warm(**{"Authorization": bearer(UserFactory(role="admin"))})
    answer = site.warm(**headers)
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert "Retry-After" not in answer.headers
    assert site.get(f"{PATH}?min_probability=0.02", **headers)[0].status_code == 429
