"""`create_user NAME --role ROLE`: add someone who may sign in."""

from __future__ import annotations

import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.policies import Role
from accounts.services import user_create


class Command(BaseCommand):
    help = "Create a user with a role. Without --password-file a password is generated and printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name to sign in with")
        parser.add_argument("--role", required=True, help=f"one of {', '.join(Role.values)}")
        parser.add_argument("--email", default="", help="e-mail address")
        parser.add_argument(
            "--password-file", metavar="F", help="read the password from the first line of this file, - for stdin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = options["password_file"]
        password = secrets.token_urlsafe(15) if given is None else _password_from(given)
        try:
            user = user_create(
                username=options["name"], role=_role(options["role"]), email=options["email"], password=password
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from None
        self.stdout.write(f"Created {user.username} with the role {options['role']}.")
        if given is None:
            self.stdout.write(f"Password (shown only now): {password}")


def _role(name: str) -> Role:
    if name not in Role.values:
        raise CommandError(f"Unknown role {name!r}; roles are {', '.join(Role.values)}.", returncode=2)
    return Role(name)


def _password_from(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise CommandError(f"Cannot read the password file {path}: {reason}.", returncode=2) from None
    password = next(iter(text.splitlines()), "")
    if not password:
        raise CommandError(f"The password file {path} starts with an empty line.", returncode=2)
    return password
