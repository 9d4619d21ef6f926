"""What operators and their tools are told."""

import django_rq
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import override_settings
from rq import Worker

from accounts.policies import Role
from aifutures_site import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker():
    queues = [django_rq.get_queue(name) for name in settings.RQ_QUEUES]
    worker = Worker(queues, connection=queues[0].connection)
    worker.register_birth()
    yield worker
    worker.register_death()


def sign_in(client, role: Role | None):
    from django.contrib.auth.models import Group

    user = get_user_model().objects.create_user("someone", password="a long enough one")
    if role:
        user.groups.add(Group.objects.get(name=role.value))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def test_health_asks_nobody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.sqlite
def test_ready(client, worker):
    answer = client.get("/ready")
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "redis": "ok", "workers": "ok"},
    }
    assert answer.status_code == 200


def test_not_ready_without_workers(client):
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["workers"] == "none for interactive, default, analysis"


def test_not_ready_with_a_silent_worker(client, worker):
    worker.connection.hset(worker.key, "last_heartbeat", "2020-01-01T00:00:00.000000Z")
    assert client.get("/ready").json()["checks"]["workers"] != "ok"


def test_not_ready_without_redis(client):
    nowhere = "unix:///nowhere.sock"
    with override_settings(REDIS_URL=nowhere, RQ_QUEUES={"default": {"URL": nowhere}}):
        answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "no answer"
    assert answer.json()["checks"]["workers"] == "cannot be counted without Redis"


def test_not_ready_with_pending_migrations(client, worker, monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one", "two"])
    assert client.get("/ready").json()["checks"]["migrations"] == "2 not applied"


def test_metrics_are_for_the_scraper_and_admins(client):
    assert client.get("/metrics").status_code == 403
    with override_settings(METRICS_TOKEN="a token for the scraper"):
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
        answer = client.get("/metrics", headers={"Authorization": "Bearer a token for the scraper"})
    assert answer.status_code == 200
    assert b"django_http_requests_before_middlewares_total" in answer.content


@pytest.mark.parametrize(("role", "status"), [(None, 403), (Role.VIEWER, 403), (Role.CURATOR, 403), (Role.ADMIN, 200)])
def test_metrics_by_role(client, role, status):
    sign_in(client, role)
    assert client.get("/metrics").status_code == status


def test_queues_are_for_admins(client):
    assert client.get("/admin/queues/").status_code == 302
    user = sign_in(client, Role.CURATOR)
    assert client.get("/admin/queues/").status_code == 403
    assert client.get("/admin/queues/stats.json").status_code == 403
    user.groups.set(user.groups.model.objects.filter(name=Role.ADMIN.value))
    user.is_staff = True
    user.save()
    answer = client.get("/admin/queues/")
    assert answer.status_code == 200
    assert b"interactive" in answer.content
