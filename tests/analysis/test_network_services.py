"""The network, the clusters, the scenarios and the baseline, changed by several at once."""

from threading import Thread

import pytest
from django.db import connection, transaction

from analysis.models import AnalysisRun, Influence, Scenario, ScenarioCluster
from analysis.services.matrix import network_edit, network_strengths
from analysis.services.network import cluster_create, cluster_edit, influence_create, influence_edit
from analysis.services.publication import run_publish
from analysis.services.scenarios import scenario_edit
from evidence.models import Hypothesis
from evidence.services.rules import StaleVersion, version_of
from tests.factories import AnalysisRunFactory, UserFactory
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


@pytest.mark.parametrize(
    ("edit", "model", "changes"),
    [
        (influence_edit, Influence, [{"strength": 0.125}, {"description": "Otherwise."}]),
        (cluster_edit, ScenarioCluster, [{"colour": "#123456"}, {"name": "Otherwise"}]),
        (scenario_edit, Scenario, [{"title": "First"}, {"narrative": "Otherwise."}]),
    ],
)
def test_of_two_who_have_seen_the_same_the_second_is_told(at_once, edit, model, changes):
    row, told = model.objects.first(), []
    given = {edit.__name__.removesuffix("_edit"): row, "actor": UserFactory(role="admin"), "reason": "A survey."}
    given["seen"] = version_of(row)

    def second():
        with pytest.raises(StaleVersion) as error:
            edit(**given, changes=changes[1])
        told.append(str(error.value))

    at_once(lambda: edit(**given, changes=changes[0]), second)
    assert "has been changed meanwhile" in told[0]
    row.refresh_from_db()
    assert changes[0].items() <= vars(row).items() and not changes[1].items() <= vars(row).items()


@pytest.mark.parametrize("is_first", [False, True], ids=["a later baseline", "the first baseline"])
def test_of_two_who_publish_at_once_the_second_is_told(at_once, is_first):
    first, later = AnalysisRunFactory.create_batch(2, succeeded=True)
    shown = "" if is_first else str(AnalysisRunFactory(succeeded=True, published=True).pk)
    actor, told = UserFactory(role="admin"), []

    def second():
        with pytest.raises(StaleVersion) as error:
            run_publish(run=later, actor=actor, note="Mine.", seen=shown)
        told.append(str(error.value))

    at_once(lambda: run_publish(run=first, actor=actor, note="Theirs.", seen=shown), second)
    assert "Another baseline" in told[0]
    assert AnalysisRun.objects.published().first() == first
