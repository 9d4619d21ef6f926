"""What workers clear away by the day."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.tokens import RefreshToken, tokens_forget_expired
from analysis.management.commands import worker
from tests.factories import UserFactory
from tests.processes import wait_until


def tokens():
    """One whose time is over, revoked before that, and one that is good for days; gives the good one's id."""
    user = UserFactory()
    old, new = RefreshToken.for_user(user), RefreshToken.for_user(user)
    old.blacklist()
    OutstandingToken.objects.filter(jti=old["jti"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    return new["jti"]


@pytest.mark.django_db
@pytest.mark.sqlite
def test_tokens_whose_time_is_over_are_forgotten():
    kept = tokens()
    assert tokens_forget_expired() == 2
    assert list(OutstandingToken.objects.values_list("jti", flat=True)) == [kept]
    assert not BlacklistedToken.objects.exists()
    assert tokens_forget_expired() == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_worker_forgets_them_at_first_and_then_by_the_day(monkeypatch):
    monkeypatch.setattr(worker, "TICK_SECONDS", 0.01)
    beats = []
    kept = tokens()
    timer = worker._Timer(SimpleNamespace(show_alive=lambda: beats.append(1)))
    with timer:
        wait_until(lambda: OutstandingToken.objects.count() == 1)
        later = tokens()
        seen = len(beats)
        wait_until(lambda: len(beats) > seen + 3)
    timer._thread.join(60)
    assert {kept, later} < set(OutstandingToken.objects.values_list("jti", flat=True))
