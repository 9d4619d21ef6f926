"""POST /sensitivity and /robustness, and what becomes of them: asked, computed by the job, read, kept apart."""

import copy

import django_rq
import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from analysis.choices import WorkQueue
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.jobs import execution
from analysis.models import RobustnessReport, SensitivityStudy
from tests.analysis.api.support import computed, finished_run
from tests.factories import RobustnessReportFactory, SensitivityStudyFactory, UserFactory

pytestmark = pytest.mark.django_db

LOCAL = {"method": "local", "output": "hypothesis:H1", "parameters": ["posterior:H1", "midpoint:H1"]}
KINDS = {"sensitivity": SensitivityStudyFactory, "robustness": RobustnessReportFactory}
each_kind = pytest.mark.parametrize("kind", KINDS)


class Worker(SimpleWorker):
    """As `manage.py worker` has it, but the test's own process keeps its signal handlers."""

    def _install_signal_handlers(self):
        pass


@pytest.fixture
def analyst(api, baseline):
    return api("analyst")


@pytest.fixture
def begin(analyst, django_capture_on_commit_callbacks):
    """Ask, and have what comes after the commit done."""

    def begin(path, body, **headers):
        with django_capture_on_commit_callbacks(execute=True):
            return analyst.post(path, body, **headers)

    return begin


@pytest.fixture
def work(monkeypatch):
    """Do what waits in the queue of studies, in this process and within the test's transaction."""
    monkeypatch.setattr(execution, "close_old_connections", lambda: None)
    queue = django_rq.get_queue(WorkQueue.DEFAULT)
    return lambda: Worker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)


def test_a_study_is_asked_computed_and_read(analyst, begin, work):
    answer = begin("/sensitivity", LOCAL | {"name": "Mine"})
    accepted = answer.json()
    assert (answer.status_code, accepted["status"]) == (202, "queued")
    assert "manage.py worker" in accepted["hint"]
    assert analyst.get(f"/sensitivity/{accepted['id']}/result").status_code == 409
    work()
    found = analyst.get(f"/sensitivity/{accepted['id']}").json()
    assert (found["status"], found["method"], found["output"]) == ("succeeded", "local", "hypothesis:H1@2050")
    result = analyst.get(f"/sensitivity/{accepted['id']}/result").json()
    document = computed()[0]
    expected = sensitivity_study(document, parse_request(document, LOCAL), threads=1)
    assert result["swings"] == expected["swings"]
    assert (result["id"], result["cached"]) == (accepted["id"], False)
    again = begin("/sensitivity", LOCAL)
    assert (again.status_code, again.json()["cached"]) == (200, True)
    assert again.json()["swings"] == expected["swings"]
    assert again.json()["id"] == accepted["id"], "of equal ones nobody needs two"
    assert analyst.get("/sensitivity?method=local").json()["total_count"] == 1
    assert analyst.get("/auth/me").json()["limits"]["analysis_runs"]["remaining"] == 9


def test_a_study_of_ones_own_model(begin, study_document):
    assert begin("/sensitivity", LOCAL | {"model_document": study_document}).status_code == 202
    assert SensitivityStudy.objects.get().model_document == study_document


@pytest.fixture
def study_document():
    return computed(seed=5)[0].to_json()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "method"),
        ({"method": "guess"}, "method"),
        (LOCAL | {"parameters": ["luck"]}, "parameters[0]"),
        (LOCAL | {"parameters": [5]}, "parameters[0]"),
        (LOCAL | {"parameters": [{"name": "prior:H1", "low": -1.0, "high": 0.5}]}, "parameters[0]"),
        (LOCAL | {"output": "entropy@1066"}, "output"),
        ({"method": "sobol", "samples": 1000}, "samples"),
        ({"method": "sobol", "samples": "512"}, "samples"),
        (LOCAL | {"colour": "red"}, "colour"),
        (LOCAL | {"model_document": {"schema": "aifutures.model/1"}}, "model_document.as_of"),
        (LOCAL | {"model_document": [1]}, "model_document"),
    ],
)
def test_a_bad_study_is_refused_by_name(analyst, body, path):
    answer = analyst.post("/sensitivity", body)
    assert answer.status_code == 400, answer.text
    assert any(error["path"].startswith(path) for error in answer.json()["errors"]), answer.text
    assert not SensitivityStudy.objects.exists()


def test_of_a_run_that_one_may_see_only(analyst, begin, study_document):
    private = finished_run(owner=UserFactory(role="analyst"))
    body = {**LOCAL, "run": str(private.pk)}
    assert begin("/sensitivity", body).status_code == 404
    assert begin("/robustness", {"run": str(private.pk)}).status_code == 404
    own = finished_run(owner=analyst.user)
    assert begin("/sensitivity", {**LOCAL, "run": str(own.pk)}).status_code == 202
    both = {**LOCAL, "run": str(own.pk), "model_document": study_document}
    assert begin("/sensitivity", both).status_code == 400


def test_a_report_is_asked_with_its_iterations(begin):
    assert begin("/robustness", {"iterations": 4096, "name": "Holds?"}).status_code == 202
    report = RobustnessReport.objects.get()
    assert (report.name, report.request["iterations"]) == ("Holds?", 4096)
    assert report.job_id in django_rq.get_queue(WorkQueue.DEFAULT).job_ids
    assert begin("/robustness", {"iterations": 10**9}).status_code == 400


def test_one_key_one_study(begin):
    ids = {begin("/sensitivity", LOCAL, Idempotency_Key="k").json()["id"] for _ in range(2)}
    assert ids == {str(SensitivityStudy.objects.get().pk)}


@each_kind
def test_others_private_ones_are_not_there(api, kind):
    owner = api("analyst")
    row = KINDS[kind](owner=owner.user, succeeded=True, result={"schema": "x"})
    reads, writes = ["", "/result"], ["cancel", "share", "unshare"]
    stranger = api("curator")
    assert {stranger.get(f"/{kind}/{row.pk}{part}").status_code for part in reads} == {404}
    assert {stranger.post(f"/{kind}/{row.pk}/{verb}").status_code for verb in writes} == {404}
    assert stranger.get(f"/{kind}").json()["total_count"] == 0
    for known in (owner, api("admin")):
        assert {known.get(f"/{kind}/{row.pk}{part}").status_code for part in reads} == {200}
    assert owner.post(f"/{kind}/{row.pk}/share").json()["is_shared"] is True
    assert api("viewer").get(f"/{kind}/{row.pk}/result").status_code == 200
    assert api("viewer").post(f"/{kind}", {}).status_code == 403


def test_viewers_read_no_ranges_of_a_shared_study(api, analyst, begin, work):
    begin("/sensitivity", LOCAL)
    work()
    study = SensitivityStudy.objects.get()
    analyst.post(f"/sensitivity/{study.pk}/share")
    full, short = (who.get(f"/sensitivity/{study.pk}/result").json() for who in (analyst, api("viewer")))
    assert "log-odds" in full["parameters"][0]["distribution"]
    assert short["parameters"] == [{"name": each["name"]} for each in full["parameters"]]
    assert short["ranking"] == full["ranking"]
    assert all(
        each.keys() == {"output_at_low", "output_at_high", "swing", "fixed"} for each in short["swings"].values()
    )


WORDS = {"outcome_a": "the secret merger", "outcome_b": "no merger"}
"""Of a model of one's own: what no number depends on."""


def test_words_of_a_private_model_reach_nobody_through_the_cache(api, begin, work, study_document):
    own = copy.deepcopy(study_document)
    own["name"] = "SECRET merger"
    own["hypotheses"][0] |= WORDS
    body = {"iterations": 4096}
    begin("/robustness", body | {"model_document": own})
    work()
    first = RobustnessReport.objects.get()
    assert WORDS["outcome_a"] in str(first.result_document["conclusions"]), "its owner reads the words"
    stranger = api("analyst")
    answer = stranger.post("/robustness", body | {"model_document": study_document}, Prefer="respond-async")
    assert answer.status_code == 202, "other words are another report"
    renamed = own | {"name": "A merger"}
    answer = stranger.post("/robustness", body | {"model_document": renamed})
    assert answer.json()["cached"] is True, "a name is no part of a report"
    assert "SECRET" not in answer.text


@each_kind
def test_studies_and_reports_count_like_runs(api, kind, baseline):
    analyst = api("analyst")
    body = LOCAL if kind == "sensitivity" else {}
    statuses = [analyst.post(f"/{kind}", body).status_code for _ in range(10)]
    assert statuses == [202] * 10
    assert analyst.post("/analysis/run", {"iterations": 4096}).status_code == 429


@each_kind
def test_other_methods_are_refused_with_those_there_are(analyst, kind):
    answer = analyst("delete", f"/{kind}")
    assert (answer.status_code, set(answer["Allow"].split(", "))) == (405, {"GET", "POST", "HEAD"})
