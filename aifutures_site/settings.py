"""Django settings, all from `get_config()`: nothing here reads the environment or holds a secret."""

from __future__ import annotations

import os
from datetime import timedelta
from importlib.metadata import distribution

import environ
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy

from aifutures_site import embedded
from aifutures_site.config import get_config, or_exit
from aifutures_site.environment import PROJECT
from aifutures_site.observability.errors import errors_report
from aifutures_site.observability.logging import configure
from aifutures_site.secret import secret_key, token_key

_service = or_exit(get_config).service

BASE_DIR = PROJECT
DATA_DIR = _service.data_dir
DEBUG = _service.debug
ALLOWED_HOSTS = list(_service.allowed_hosts)
SECRET_KEY = or_exit(lambda: secret_key(_service))

# Both libraries read these when they are imported, which nothing has done yet; neither needs a home folder then.
os.environ["NUMBA_CACHE_DIR"] = str(_service.numba_cache_dir or DATA_DIR / "numba")
os.environ.setdefault("MPLCONFIGDIR", str(DATA_DIR / "matplotlib"))

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "corsheaders",
    "csp",
    "axes",
    "django_htmx",
    "django_prometheus",
    "django_rq",
    "simple_history",
    "import_export",
    "aifutures_site",
    "accounts",
    "evidence",
    "analysis",
]

MIDDLEWARE = [
    "aifutures_site.observability.requests.request_id_middleware",
    "accounts.proxies.proxy_middleware",
    "accounts.api.middleware.api_middleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "aifutures_site.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "aifutures_site.urls"
ASGI_APPLICATION = "aifutures_site.asgi.application"
WSGI_APPLICATION = "aifutures_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Storage: the embedded defaults, or the servers that the environment names.

_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "db.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
    },
    "TEST": {"NAME": DATA_DIR / "test.sqlite3"},  # a file, so that the processes of a test can share it
}
DATABASES = {"default": environ.Env.db_url_config(_service.database_url) if _service.database_url else _SQLITE}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # most threads end with their request; those that do not keep theirs (handlers.py)
    "DISABLE_SERVER_SIDE_CURSORS": _service.database_pool_size is not None,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = _service.redis_url or embedded.url_of(DATA_DIR)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _service.cache_url or REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"serializer": "aifutures_site.json_cache.JsonSerializer"},
        "TIMEOUT": _service.cache_ttl,
    }
}
RQ_QUEUES = {
    name: {"URL": REDIS_URL, "SERIALIZER": "rq.serializers.JSONSerializer"}
    for name in ("interactive", "default", "analysis")
}
RQ_SHOW_ADMIN_LINK = False  # the queues have a page of their own, for admins only

# Who is who

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

AXES_USERNAME_CALLABLE = "accounts.lockout.user_name"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.lockout_response"

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.CostThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsers.StrictJSONParser"],
    "URL_FORMAT_OVERRIDE": None,  # Accept says what is wanted
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "accounts.api.problems.exception_handler",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ISSUER": "aifutures",
    "AUDIENCE": "aifutures-api",
    "USER_ID_CLAIM": "sub",
}
JWT_KEYS = [key for key in (_service.jwt_signing_key or token_key(SECRET_KEY), _service.jwt_previous_key) if key]
SPECTACULAR_SETTINGS = {
    "TITLE": "AI Futures",
    "VERSION": "1",
    "DESCRIPTION": "Evidence in, probabilities of the futures of AI out.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RunStatusEnum": "analysis.choices.RunStatus",
        "OutcomeEnum": "analysis.choices.Outcome",
        "EvidenceStatusEnum": "evidence.choices.EvidenceStatus",
    },
}

# What browsers are told

CORS_URLS_REGEX = r"^/api/"
CORS_ALLOWED_ORIGINS = list(_service.cors_origins)
CORS_ALLOW_HEADERS = [*default_headers, "if-match", "if-none-match", "idempotency-key", "prefer", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    *("etag", "location", "preference-applied", "retry-after", "x-request-id"),
    *("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
]
CSRF_TRUSTED_ORIGINS = list(_service.csrf_trusted_origins)
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],  # its Alpine.js evaluates expressions
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _service.enable_https
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if _service.enable_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _service.enable_https
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]  # probes inside the network speak plain HTTP
if _service.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Files, words and clocks

_PLOTLY = distribution("plotly").locate_file("plotly/package_data")  # the browser's half of the library
STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "aifutures_site.static_files.StaticFiles"},
}
STATICFILES_DIRS = [BASE_DIR / "static", ("plotly", _PLOTLY)]
WHITENOISE_USE_FINDERS = True  # files are served as they lie in the apps: nothing to collect before a start
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600
LANGUAGE_CODE = "en-gb"
USE_I18N = False
DATE_FORMAT, TIME_FORMAT, DATETIME_FORMAT = "j M Y", "H:i", "j M Y, H:i"
TIME_ZONE = "UTC"
USE_TZ = True

METRICS_TOKEN = _service.metrics_token
LOGGING = configure(_service)
errors_report(_service.sentry_dsn)
vars().update(environ.Env.email_url_config(_service.email_url or "consolemail://"))
EMAIL_TIMEOUT = 10  # seconds: who asks for a link waits for the mail server
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _service.email_from

UNFOLD = {
    "SITE_TITLE": "AI Futures",
    "SITE_HEADER": "AI Futures",
    "SITE_SUBHEADER": "Evidence, runs and people",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"/{STATIC_URL}icon.svg"}],
    "SITE_URL": reverse_lazy("home"),
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("css/admin.css")],
    "DASHBOARD_CALLBACK": "analysis.admin.dashboard.dashboard_context",
    # the accent of static/css/tokens.css, from light to dark
    "COLORS": {
        "primary": {
            "50": "#EFF6FC",
            "100": "#DBEAF8",
            "200": "#BFDBF5",
            "300": "#9CCBF4",
            "400": "#7DB7F2",
            "500": "#3C86CF",
            "600": "#0B5CAD",
            "700": "#094D91",
            "800": "#083F77",
            "900": "#07335F",
            "950": "#04203D",
        }
    },
    "SITE_DROPDOWN": [{"icon": "queue", "title": "Queues", "link": reverse_lazy("django_rq:home")}],
}
