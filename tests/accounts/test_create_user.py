"""The command `create_user`."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def create_user(*arguments):
    out = io.StringIO()
    call_command("create_user", *arguments, stdout=out)
    return out.getvalue()


def test_generates_a_password_and_prints_it_once():
    printed = create_user("ada", "--role", "analyst", "--email", "ada@example.org")
    password = re.search(r"Password \(shown only now\): (\S+)", printed).group(1)
    user = User.objects.get(username="ada")
    assert user.check_password(password)
    assert (user.role.value, user.email) == ("analyst", "ada@example.org")


def test_takes_the_password_from_a_file_and_prints_none(tmp_path):
    (tmp_path / "secret").write_text("a long enough phrase\n")
    printed = create_user("ada", "--role", "admin", "--password-file", str(tmp_path / "secret"))
    assert User.objects.get(username="ada").check_password("a long enough phrase")
    assert "phrase" not in printed
    assert "Password" not in printed


def test_takes_the_password_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough phrase\n"))
    create_user("ada", "--role", "viewer", "--password-file", "-")
    assert User.objects.get(username="ada").check_password("a long enough phrase")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["taken", "--role", "viewer"], "already exists"),
        (["ada", "--role", "king"], "Unknown role 'king'; roles are viewer, analyst, curator, admin."),
        (["ada", "--role", "viewer", "--password-file", "/nowhere/at/all"], "Cannot read the password file"),
        (["ada", "--role", "viewer", "--password-file", "{folder}"], "Cannot read the password file"),
        (["ada", "--role", "viewer", "--password-file", "{weak}"], "too short"),
        (["ada", "--role", "viewer", "--password-file", "{empty}"], "starts with an empty line"),
        (["ada", "--role", "viewer", "--email", "nobody"], "valid email address"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(tmp_path, arguments, words):
    UserFactory(username="taken")
    (tmp_path / "weak").write_text("abc")
    (tmp_path / "empty").write_text("")
    paths = {"folder": tmp_path, "weak": tmp_path / "weak", "empty": tmp_path / "empty"}
    with pytest.raises(CommandError, match=re.escape(words)) as caught:
        create_user(*(argument.format(**paths) for argument in arguments))
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    assert User.objects.count() == 1
