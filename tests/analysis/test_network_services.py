"""The network and the clusters, changed by several at once."""

from threading import Thread

import pytest
from django.db import connection, transaction

from analysis.models import Influence, ScenarioCluster
from analysis.services.matrix import network_edit, network_strengths
from analysis.services.network import cluster_create, influence_create
from evidence.models import Hypothesis
from tests.factories import UserFactory
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def at_once():
    """Do one thing, and another that begins before the first is committed; it must wait, and sees what was done."""
    threads = []

    def at_once(first, second):
        def work():
            try:
                second()
            finally:
                connection.close()

        threads.append(Thread(target=work))
        with transaction.atomic():
            first()
            threads[-1].start()
            wait_until(waits, 30, "the second waits for the first")
        threads[-1].join(30)

    yield at_once
    for thread in threads:
        thread.join(30)


def waits():
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where pg_backend_pid() = any(pg_blocking_pids(pid))")
        return cursor.fetchone()[0]


def influence(admin, source, target):
    codes = {row.code: row for row in Hypothesis.objects.all()}
    return influence_create(
        actor=admin,
        **{"source": codes[source], "source_outcome": "A", "target": codes[target], "target_outcome": "B"},
        **{"strength": 0.1, "reason": "A survey."},
    )


def test_two_new_influences_take_two_places(at_once):
    admin, before = UserFactory(role="admin"), Influence.objects.count()
    at_once(lambda: influence(admin, "H6", "H1"), lambda: influence(admin, "H6", "H2"))
    orders = list(Influence.objects.values_list("order", flat=True))
    assert len(orders) == len(set(orders)) == before + 2


def test_two_new_clusters_take_two_places(at_once):
    admin, before = UserFactory(role="admin"), ScenarioCluster.objects.count()

    def create(name, pattern):
        values = {"name": name, "pattern": pattern, "colour": "#123456"}
        return lambda: cluster_create(actor=admin, reason="A survey.", **values)

    at_once(create("Slow", "B*****"), create("Late", "AB****"))
    orders = list(ScenarioCluster.objects.values_list("order", flat=True))
    assert orders == list(range(1, before + 3))
    assert ScenarioCluster.objects.last().pattern == "******"


def test_a_whole_network_replaces_what_was_added_meanwhile(at_once):
    admin, wanted = UserFactory(role="admin"), network_strengths()
    at_once(
        lambda: influence(admin, "H6", "H1"), lambda: network_edit(strengths=wanted, actor=admin, reason="As it was.")
    )
    assert network_strengths() == wanted
