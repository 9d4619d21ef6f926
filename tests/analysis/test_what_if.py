"""Questions through the interactive queue: a real Redis, a real RQ worker, the engine."""

from concurrent.futures import ThreadPoolExecutor

import django_rq
import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from analysis.choices import WorkQueue
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.spec import ModelError
from analysis.engine.what_if import what_if
from analysis.jobs import what_if as job
from analysis.services.model_documents import model_document_build
from analysis.services.what_if import Obsolete, Unanswered, what_if_ask
from tests.factories import AnalysisRunFactory, UserFactory
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

PATIENCE = 60
PRIOR = {"overrides": {"priors": {"H1": 0.9}}}


class Worker(SimpleWorker):
    """As `manage.py worker` has it, but the test's own process keeps its signal handlers."""

    def _install_signal_handlers(self):
        pass


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch):
    """The worker runs in the test's own process, within the test's transaction."""
    monkeypatch.setattr(job, "close_old_connections", lambda: None)


@pytest.fixture
def document():
    return model_document_build(model="published", iterations=4096)


@pytest.fixture
def run(document):
    return AnalysisRunFactory(model_document=document.to_json())


@pytest.fixture
def queue():
    return django_rq.get_queue(WorkQueue.INTERACTIVE)


@pytest.fixture
def work(queue):
    """Answer what waits in the queue."""

    def work():
        Worker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True, logging_level=None)

    return work


@pytest.fixture
def ask(queue):
    """Ask in a thread of its own; gives the future answer once the question waits in the queue."""
    with ThreadPoolExecutor() as pool:

        def ask(run, request, user=None):
            before = queue.count
            asked = pool.submit(what_if_ask, user=user, run=run, request=request, seconds=PATIENCE)
            wait_until(lambda: queue.count > before or asked.done(), what="the question")
            return asked

        yield ask


def test_the_answer_is_the_engines(document, run, ask, work):
    asked = ask(run, PRIOR)
    work()
    expected = what_if(document, **PRIOR)
    answer = asked.result(PATIENCE)
    assert answer["schema"] == "aifutures.what_if/1"
    assert answer["scenario_probabilities"] == expected["scenario_probabilities"]
    assert answer["change"] == expected["change"]


def test_the_model_is_loaded_once(run, ask, work, django_assert_num_queries):
    job.document_of.cache_clear()
    with django_assert_num_queries(1):
        for _ in range(2):
            asked = ask(run, PRIOR)
            work()
            asked.result(PATIENCE)


class TestRefusal:
    @pytest.fixture
    def answered(self, run, ask, work):
        """Ask and have it answered."""

        def answered(request):
            asked = ask(run, request)
            work()
            return asked.result(PATIENCE)

        return answered

    @pytest.mark.parametrize(
        ("asked_for", "error", "words"),
        [
            ({"overrides": {"priors": {"H9": 0.5}}}, ModelError, "overrides.priors.H9"),
            (
                {
                    "interventions": [{"hypothesis": "H2", "outcome": "B", "from_year": 2030}],
                    "observations": [{"hypothesis": "H2", "outcome": "A", "from_year": 2040}],
                },
                ImpossibleObservation,
                "probability 0 in 2040",
            ),
        ],
    )
    def test_by_the_engine_reaches_the_asker(self, answered, asked_for, error, words):
        with pytest.raises(error, match=words):
            answered(asked_for)


def test_an_unknown_key_never_reaches_the_queue(run, queue):
    with pytest.raises(ModelError, match="iterations: unknown key"):
        what_if_ask(user=None, run=run, request={"iterations": 10**9})
    assert queue.count == 0


def test_of_one_user_only_the_newest_question_is_answered(run, ask, work):
    user, other = UserFactory(), UserFactory()
    asked = [ask(run, PRIOR, by) for by in (user, other, user, None, None)]
    work()
    with pytest.raises(Obsolete):
        asked[0].result(PATIENCE)
    for newest in asked[1:]:
        assert newest.result(PATIENCE)["schema"] == "aifutures.what_if/1"


def test_without_a_worker_the_asker_is_told_and_the_question_is_taken_back(run, queue):
    with pytest.raises(Unanswered, match="no interactive worker is running"):
        what_if_ask(user=UserFactory(), run=run, request=PRIOR, seconds=1)
    assert queue.count == 0


def test_a_worker_that_is_busy_is_named(run, queue):
    worker = Worker([queue], connection=queue.connection)
    worker.register_birth()
    try:
        with pytest.raises(Unanswered, match="is busy"):
            what_if_ask(user=None, run=run, request=PRIOR, seconds=1)
    finally:
        worker.register_death()


def test_an_engine_that_fails_is_no_answer(run, ask, work, monkeypatch):
    monkeypatch.setattr(job, "what_if", None)
    asked = ask(run, PRIOR)
    work()
    with pytest.raises(Unanswered, match="the engine failed unexpectedly"):
        asked.result(PATIENCE)
