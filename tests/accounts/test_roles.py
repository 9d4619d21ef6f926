"""Roles, the policy table and the services that give roles."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.policies import Role, Scope, may, role_of
from accounts.services import role_assign, user_create
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

MAY = {
    Role.VIEWER: {Scope.READ_SCENARIOS, Scope.READ_RESULTS},
    Role.ANALYST: {Scope.READ_EVIDENCE, Scope.CREATE_ANALYSIS, Scope.CANCEL_ANALYSIS, Scope.SHARE_ANALYSIS},
    Role.CURATOR: {Scope.READ_DRAFTS, Scope.WRITE_EVIDENCE, Scope.USE_ADMIN},
    Role.ADMIN: set(Scope),
}
"""What each role may beyond the role before it."""


def test_the_roles_are_groups_from_the_first_migration():
    assert set(Role.values) <= set(Group.objects.values_list("name", flat=True))


@pytest.mark.parametrize("role", Role)
def test_every_role_may_what_the_table_says_and_nothing_else(role):
    user = UserFactory(role=role)
    expected = set().union(*(MAY[each] for each in list(Role)[: list(Role).index(role) + 1]))
    assert {scope for scope in Scope if may(user, scope)} == expected
    assert user.is_staff == may(user, Scope.USE_ADMIN)


def test_strangers_the_deactivated_and_those_without_a_role_may_nothing():
    inactive = UserFactory(role="admin", is_active=False)
    for user in (AnonymousUser(), inactive, UserFactory()):
        assert role_of(user) is None
        assert not any(may(user, scope) for scope in Scope)


def test_a_superuser_counts_as_admin():
    assert role_of(UserFactory(is_superuser=True)) is Role.ADMIN


def test_the_most_powerful_of_several_groups_counts():
    user = UserFactory(role="viewer")
    user.groups.add(Group.objects.get(name="curator"))
    assert role_of(user) is Role.CURATOR


def test_a_new_role_replaces_the_old_one_and_counts_from_the_next_request():
    UserFactory(role="admin")
    user = UserFactory(role="admin")
    same_user_elsewhere = User.objects.get(pk=user.pk)
    role_assign(user=user, role=Role.VIEWER)
    assert user.role is Role.VIEWER
    assert role_of(same_user_elsewhere) is Role.VIEWER
    assert not User.objects.get(pk=user.pk).is_staff
    role_assign(user=user, role=None)
    assert user.role is None


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("curator", "evidence.change_evidence", True),
        ("curator", "evidence.add_hypothesis", False),
        ("curator", "evidence.delete_evidence", False),
        ("curator", "accounts.view_user", False),
        ("admin", "accounts.change_user", True),
        ("admin", "analysis.delete_influence", True),
        ("analyst", "evidence.view_evidence", False),
        ("viewer", "evidence.view_evidence", False),
    ],
)
def test_django_permissions_follow_the_policy(role, permission, allowed):
    user = UserFactory(role=role)
    assert user.has_perm(permission) is allowed
    assert user.has_perms([permission]) is allowed


def test_asking_many_times_reads_the_role_once(django_assert_num_queries):
    user = User.objects.get(pk=UserFactory(role="curator").pk)
    with django_assert_num_queries(1):
        for scope in Scope:
            may(user, scope)


class TestUserCreate:
    def test_makes_a_user_who_can_sign_in(self):
        user_create(username="ada", role=Role.CURATOR, email="ada@example.org", password="a long enough phrase")
        user = User.objects.get(username="ada")
        assert (user.role, user.email, user.check_password("a long enough phrase")) == (
            Role.CURATOR,
            "ada@example.org",
            True,
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"username": "taken"},
            {"username": "two words"},
            {"username": ""},
            {"email": "no address"},
            {"email": "TAKEN@example.org"},
            {"password": "password"},
            {"password": "20261121"},
        ],
    )
    def test_refuses_what_is_taken_malformed_or_weak(self, wrong):
        UserFactory(username="taken", email="taken@example.org")
        with pytest.raises(ValidationError):
            user_create(**{"username": "ada", "role": Role.VIEWER, "password": "a long enough phrase", **wrong})
        assert User.objects.count() == 1


@pytest.mark.sqlite
def test_the_database_refuses_a_second_user_with_the_same_address():
    UserFactory(email="ada@example.org")
    UserFactory(email="")
    UserFactory(email="")
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(email="Ada@Example.org")
