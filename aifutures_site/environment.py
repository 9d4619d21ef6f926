"""The environment's part of the configuration: NAME, or NAME_FILE for a mounted secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

PROJECT = Path(__file__).resolve().parent.parent

FILE_KEYS = {
    "MONTE_CARLO_ITERATIONS": "analysis.monte_carlo.default_iterations",
    "MAX_WORKERS": "computation.parallel_processing.max_workers",
    "CHUNK_SIZE": "computation.parallel_processing.chunk_size",
    "ENABLE_JIT": "computation.optimization.enable_jit",
}
"""Variables that stand for a key of the configuration file."""

_OWN_PREFIX = "AIFUTURES_"
_OWN_NAMES = {"AIFUTURES_CONFIG"}


class ConfigError(Exception):
    """A configuration that cannot be used, in one line."""

    def __str__(self) -> str:
        return f"configuration: {super().__str__()}"


def _items(value: object) -> object:
    """A list in a variable: a JSON array, or words between commas."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("should be a JSON array or words between commas") from None


def _scheme(*allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            sound = parts.scheme in allowed and (parts.port is None or parts.port > 0)
        except ValueError:  # its text would show a part of the URL, perhaps of the password
            raise ValueError("should be a URL; percent-encode what is special in its password") from None
        if not sound:
            raise ValueError(f"should be a URL that starts with {' or '.join(f'{name}://' for name in allowed)}")
        return value

    return AfterValidator(check)


def _dsn(value: str) -> str:
    parts = urlsplit(value)
    if not (parts.username and parts.path.rpartition("/")[2].isdecimal()):
        raise ValueError("should be https://<key>@<host>/<number of the project>")
    return value


def _absolute(value: Path) -> Path:
    return Path.cwd() / value.expanduser()


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("should be an IP address or a network such as 10.0.0.0/8") from None


def _key(value: str) -> str:
    """A secret of 32 characters, or a PEM key that tokens can be signed or verified with."""
    if not value.startswith("-----BEGIN"):
        if len(value) < 32:
            raise ValueError("should have at least 32 characters, or be a PEM key")
        return value
    try:
        private = load_pem_private_key(value.encode(), None) if "PRIVATE KEY" in value else None
        public = private.public_key() if private else load_pem_public_key(value.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may show a part of it
        raise ValueError("should be an unencrypted PEM key") from None
    if not isinstance(public, Ed25519PublicKey) and not (isinstance(public, RSAPublicKey) and public.key_size >= 2048):
        raise ValueError("should be an Ed25519 key, or an RSA key of 2048 bits or more")
    return value


def _private(value: str) -> str:
    if value.startswith("-----BEGIN") and "PRIVATE KEY" not in value:
        raise ValueError("should be a private key: a public one signs nothing")
    return value


_RedisUrl = Annotated[str, _scheme("redis", "rediss", "unix")]
_DatabaseUrl = Annotated[str, _scheme("postgres", "postgresql")]
_EmailUrl = Annotated[str, _scheme("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail")]
_Sender = Annotated[str, Field(pattern=r"^([^<>@,\r\n]+ <[^<>@,\s]+@[^<>@,\s]+>|[^<>@,\s]+@[^<>@,\s]+)$")]
_Origins = Annotated[tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...], BeforeValidator(_items)]
_Hosts = Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-_:*\[\]]+$")], ...], BeforeValidator(_items)]
_Folder = Annotated[Path, AfterValidator(_absolute)]
_Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_items)]
_JwtKey = Annotated[str, AfterValidator(_key)]
_Secret = Field(default=None, min_length=32, repr=False)


class Service(BaseModel):
    """What a server installation sets, each under its name in capitals; see deploy/README.md for the meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: _DatabaseUrl | None = Field(default=None, repr=False)
    database_pool_size: Annotated[int, Field(ge=1, le=10_000)] | None = None
    redis_url: _RedisUrl | None = Field(default=None, repr=False)
    cache_url: _RedisUrl | None = Field(default=None, repr=False)
    data_dir: _Folder = PROJECT / "var"
    numba_cache_dir: _Folder | None = None
    secret_key: str | None = _Secret
    jwt_signing_key: Annotated[_JwtKey, AfterValidator(_private)] | None = Field(default=None, repr=False)
    jwt_previous_key: _JwtKey | None = Field(default=None, repr=False)
    metrics_token: str | None = Field(default=None, min_length=16, repr=False)
    email_url: _EmailUrl | None = Field(default=None, repr=False)
    email_from: _Sender = "AI Futures <webmaster@localhost>"
    sentry_dsn: Annotated[str, _scheme("http", "https"), AfterValidator(_dsn)] | None = Field(default=None, repr=False)
    debug: bool = False
    engine_threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        BeforeValidator(lambda v: v.upper() if isinstance(v, str) else v),
    ] = "INFO"
    log_format: Literal["console", "json"] | None = None
    enable_https: bool = False
    allowed_hosts: _Hosts = ("localhost", "127.0.0.1", "[::1]")
    csrf_trusted_origins: _Origins = ()
    cors_origins: _Origins = ()
    trusted_proxies: _Networks = ()
    enable_result_cache: bool = True
    cache_ttl: Annotated[int, Field(ge=0)] = 3600
    enable_distributed: bool = False
    dask_scheduler_address: Annotated[str, _scheme("tcp", "tls")] | None = Field(default=None, validate_default=True)
    distributed_fallback: bool = True

    @field_validator("dask_scheduler_address")
    @classmethod
    def _address_given(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("enable_distributed"):
            raise ValueError("must be given with ENABLE_DISTRIBUTED")
        return value


class _Shared(BaseModel):
    """Types of the variables in FILE_KEYS; their bounds are those of the keys."""

    monte_carlo_iterations: int | None = None
    max_workers: int | None = None
    chunk_size: int | None = None
    enable_jit: bool | None = None


def read_environment(environ: Mapping[str, str]) -> tuple[Service, dict[str, Any]]:
    """The service's settings and the values for FILE_KEYS that the environment gives. Raises ConfigError."""
    for name in environ:
        if name.startswith(_OWN_PREFIX) and name not in _OWN_NAMES:
            raise ConfigError(f"{name} in the environment: unknown variable")
    try:
        service = Service.model_validate(_given(environ, (name.upper() for name in Service.model_fields)))
        shared = _Shared.model_validate(_given(environ, FILE_KEYS))
    except ValidationError as error:
        raise ConfigError(_describe(error)) from None
    return service, {name.upper(): value for name, value in shared.model_dump(exclude_unset=True).items()}


def _given(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name.lower(): value for name in names if (value := _value(name, environ)) is not None}


def _value(name: str, environ: Mapping[str, str]) -> str | None:
    """NAME's value or the content of NAME_FILE; an empty NAME is none, as in compose files."""
    value, file = environ.get(name) or None, environ.get(f"{name}_FILE")
    if file is None:
        return value
    if value is not None:
        raise ConfigError(f"{name} and {name}_FILE in the environment: give one of the two")
    if not file:
        raise ConfigError(f"{name}_FILE in the environment: names no file")
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(f"{name}_FILE in the environment: cannot read {file}: {reason}") from None
    if not content:
        raise ConfigError(f"{name}_FILE in the environment: {file} is empty")
    return content


def _describe(error: ValidationError) -> str:
    """One line for the first finding; a secret's value is never shown."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    message = first["msg"].removeprefix("Input ").removeprefix("Value error, ").removeprefix("String ")
    hidden = field in Service.model_fields and not Service.model_fields[field].repr
    shown = "" if hidden else f", not {first['input']!r}"
    return f"{field.upper()} in the environment: {message}{shown}"
