"""The secret key of an installation that was given none: made once, kept under the data folder."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from aifutures_site.environment import ConfigError, Service


def secret_key(service: Service) -> str:
    """SECRET_KEY, or the one kept in the data folder.

    A database server may be shared by many machines, and then so must the key be: with DATABASE_URL and without
    DEBUG it has to be given. Raises ConfigError.
    """
    if service.secret_key:
        return service.secret_key
    if service.database_url and not service.debug:
        raise ConfigError("SECRET_KEY in the environment: missing; a server with DATABASE_URL needs one")
    try:
        return _kept(service.data_dir / "secret_key")
    except OSError as error:
        raise ConfigError(f"DATA_DIR in the environment: cannot use {error.filename}: {error.strerror}") from None


def token_key(secret: str) -> str:
    """The key that signs tokens where none is configured: another one than the secret, and told by it alone."""
    return hmac.new(secret.encode(), b"aifutures tokens", "sha256").hexdigest()


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # whole or not at all, and never over the one of a process that started beside us
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
