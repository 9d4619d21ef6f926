"""What the settings make of the configuration, asked of fresh processes."""

import json
import subprocess
import sys

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from aifutures_site.environment import PROJECT
from tests.processes import environment

KEY = "a key of more than thirty-two characters"


def settings_with(data_dir, *names: str, **variables: str) -> list:
    code = "import json, sys; from aifutures_site import settings as s; "
    code += "print(json.dumps([getattr(s, name) for name in sys.argv[1:]], default=str))"
    env = environment(data_dir, **variables)
    ended = subprocess.run(
        [sys.executable, "-c", code, *names], env=env, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout)


def test_embedded_defaults(tmp_path):
    databases, redis, debug = settings_with(tmp_path, "DATABASES", "REDIS_URL", "DEBUG")
    database = databases["default"]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(tmp_path / "db.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert redis.startswith("unix://")
    assert debug is False


def test_servers(tmp_path):
    databases, redis, caches, queues = settings_with(
        tmp_path,
        *("DATABASES", "REDIS_URL", "CACHES", "RQ_QUEUES"),
        DATABASE_URL="postgres://ada:word@db:5433/futures",
        DATABASE_POOL_SIZE="20",
        REDIS_URL="redis://queue:6379/0",
        CACHE_URL="redis://cache:6379/1",
        SECRET_KEY=KEY,
    )
    database = databases["default"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", 5433, "futures")
    assert (database["CONN_MAX_AGE"], database["DISABLE_SERVER_SIDE_CURSORS"]) == (0, True)
    assert redis == "redis://queue:6379/0"
    assert caches["default"]["LOCATION"] == "redis://cache:6379/1"
    assert list(queues) == ["interactive", "default", "analysis"]
    assert {queue["SERIALIZER"] for queue in queues.values()} == {"rq.serializers.JSONSerializer"}
    assert not list(tmp_path.iterdir()), "servers and a key given, nothing is written"


def test_mail(tmp_path):
    names = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "DEFAULT_FROM_EMAIL", "SERVER_EMAIL")
    url, sender = "smtp+tls://ada:word@mail:587", "Futures <futures@example.org>"
    backend, *found = settings_with(tmp_path, *names, EMAIL_URL=url, EMAIL_FROM=sender)
    assert backend.endswith("smtp.EmailBackend")
    assert found == ["mail", 587, True, sender, sender]


def test_https(tmp_path):
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    assert settings_with(tmp_path, *names, ENABLE_HTTPS="true") == [True, True, True, 31_536_000]
    assert settings_with(tmp_path, *names) == [False, False, False, 0]


@pytest.mark.parametrize(("form", "starts"), [("json", "{"), ("console", "2")])
def test_logs(tmp_path, form, starts):
    code = "import django, logging; django.setup(); logging.getLogger('x').warning('what %s', 'happened')"
    env = environment(tmp_path, LOG_FORMAT=form, DJANGO_SETTINGS_MODULE="aifutures_site.settings")
    ended = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ended.stderr.startswith(starts)
    assert "what happened" in ended.stderr
    if form == "json":
        line = json.loads(ended.stderr)
        assert (line["event"], line["level"], line["logger"]) == ("what happened", "warning", "x")


@pytest.mark.django_db
def test_cache_is_redis():
    cache.set("key", {"a": [1, None, "é"]})
    assert cache.get("key") == {"a": [1, None, "é"]}
    cache.set("number", 3)
    assert cache.incr("number") == 4
    assert cache.get("missing") is None


@pytest.mark.django_db
def test_the_cache_holds_json_and_no_pickles():
    with pytest.raises(TypeError):
        cache.set("key", object())
    cache.set("key", {"a": 1})
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert [client.get(name) for name in client.keys("cache:*")] == [b'{"a": 1}']


def test_scripts_of_other_origins_may_use_the_api_if_named(client, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://notebook.example"]

    def ask(origin, path="/api/v1/auth/me"):
        wanted = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, if-match"}
        return client.options(path, headers={"Origin": origin, **wanted})

    allowed = ask("https://notebook.example")
    assert allowed["Access-Control-Allow-Origin"] == "https://notebook.example"
    assert "if-match" in allowed["Access-Control-Allow-Headers"]
    assert (allowed.status_code, allowed.content, "Content-Type" in allowed) == (204, b"", False)
    foreign = ask("https://evil.example")
    assert "Access-Control-Allow-Origin" not in foreign
    assert (foreign.status_code, foreign["Content-Type"]) == (403, "application/problem+json")
    assert foreign.json()["detail"] == "Scripts of this origin may not use the API."
    assert "origin" in foreign["Vary"].lower()
    assert "Access-Control-Allow-Origin" not in ask("https://notebook.example", "/accounts/login")
