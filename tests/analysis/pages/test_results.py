"""The tabs of a finished run: what they say is what the result, the study or the report says."""

import re
from functools import cache
from html import unescape
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import squareform

from accounts.limits import Cost, limit_status
from analysis.choices import RunStatus
from analysis.engine.influence import evidence_influence
from analysis.engine.robustness import robustness_report
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.spec import parse_model
from analysis.models import AnalysisRun, RobustnessReport, SensitivityStudy
from analysis.plots.hypotheses import pairs
from analysis.plots.subjects import Subjects
from analysis.reports import run_report
from analysis.services.derived import INFLUENCE, Question, answer_keep
from analysis.services.lifecycle import computation_start
from analysis.services.model_documents import model_document_build
from analysis.wording import THIN_SPACE, percent
from tests.analysis.api.support import Api, computed, finished_run
from tests.factories import EvidenceFactory, RobustnessReportFactory, SensitivityStudyFactory, UserFactory

pytestmark = pytest.mark.django_db

TABS = ["scenarios", "timeline", "hypotheses", "clusters", "sensitivity", "evidence", "robustness"]
METHODS = {"sobol": {"samples": 32}, "value_of_information": {"samples": 32}, "morris": {"samples": 4}, "local": {}}
OUTPUT = "hypothesis:H2@2050"


@pytest.fixture
def analyst():
    return UserFactory(role="analyst")


@pytest.fixture
def run(analyst):
    return finished_run(owner=analyst, name="Mine", finished_at=timezone.now(), iterations_completed=4096)


@pytest.fixture
def read(client):
    def as_user(user, run, tab, **query):
        client.force_login(user)
        response = client.get(reverse("run_tab", args=[run.pk, tab]), query)
        return said(response)

    return as_user


def said(response):
    html = response.content.decode()
    text = " ".join(unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.S)).split())
    return SimpleNamespace(status=response.status_code, html=html, text=text)


@cache
def studied(method):
    document, _ = computed()
    return sensitivity_study(document, parse_request(document, {"method": method, "output": OUTPUT, **METHODS[method]}))


@cache
def reported():
    return robustness_report(computed()[0], iterations=4096)


def keep_influence(run):
    """What the worker does that was asked; gives the answer."""
    found = evidence_influence(parse_model(run.model_document), "entropy@2050")
    answer_keep(question=Question(INFLUENCE, (str(run.pk), "entropy@2050")), document=found)
    return found


def study(run, method, **fields):
    given = {"succeeded": True, "result": studied(method), "owner": run.owner, **fields}
    return SensitivityStudyFactory(method=method, output=OUTPUT, model_hash=run.input_hash, **given)


def report(run, **fields):
    given = {"succeeded": True, "result": reported(), "owner": run.owner, **fields}
    return RobustnessReportFactory(model_hash=run.input_hash, **given)


def shown(number):
    return percent(number).replace(THIN_SPACE, " ")


def test_the_scenarios_are_all_there_in_order(read, analyst, run):
    page = read(analyst, run, "scenarios")
    probabilities = run.result["scenario_probabilities"]
    ranked = sorted(probabilities, key=probabilities.get, reverse=True)
    table = page.html[page.html.index('id="all-title"') :]
    assert re.findall(r'class="code">([AB]{6})<', table) == ranked
    assert f"{reverse('scenarios')}?run={run.pk}" in page.html
    half = next(n for n in range(65) if sum(probabilities[code] for code in ranked[:n]) >= 0.5)
    assert f"{half} of 64 scenarios make up 50 %" in page.text


def test_the_timeline_says_who_leads_when(read, analyst, run):
    page = read(analyst, run, "timeline")
    leading = [max(each["scenarios"], key=each["scenarios"].get) for each in run.result["temporal_evolution"]]
    changes = sum(one != other for one, other in pairwise(leading))
    words = f"{changes + 1} scenarios take turns" if changes else "One scenario is the likeliest in every year"
    assert words in page.text
    assert 'id="clusters"' in page.html
    assert 'id="hypotheses-by-year"' in page.html


def test_pairs_are_joint_probabilities(run):
    means = run.result["scenario_probabilities"]
    found = pairs(run_report(run=run), means)
    assert len(found) == 15
    for pair in found:
        one, other = (int(each.code[1]) - 1 for each in (pair.first, pair.second))
        together = sum(p for code, p in means.items() if code[one] == code[other] == "A")
        assert pair.together == pytest.approx(together)
        assert pair.unrelated == pytest.approx(pair.first.estimate.mean * pair.second.estimate.mean, abs=1e-5)
    assert abs(found[0].excess) == max(abs(pair.excess) for pair in found)


def test_the_hypotheses_tell_what_comes_together(read, analyst, run):
    page = read(analyst, run, "hypotheses")
    first = pairs(run_report(run=run), run.result["scenario_probabilities"])[0]
    assert unescape(first.words).replace(THIN_SPACE, " ") in page.text


def test_the_tree_says_how_well_it_fits(read, analyst, run):
    page = read(analyst, run, "clusters")
    found = run.result["clusters"]["dendrogram"]
    assert f"cophenetic correlation {found['cophenetic_correlation']:.2f}" in page.text
    # the correlation once more, from the tree and the codes
    weights = list(found["hypothesis_weights"].values())
    codes = sorted(run.result["scenario_probabilities"])
    own = squareform([[sum(w for w, a, b in zip(weights, x, y, strict=True) if a != b) for y in codes] for x in codes])
    assert cophenet(found["linkage"], own)[0] == pytest.approx(found["cophenetic_correlation"])
    for cluster in run.result["clusters"]["named"]:
        assert cluster["name"] in page.text


def test_a_study_is_started_waited_for_and_cancelled(client, read, analyst, run):
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    assert "Nothing has been studied" in read(analyst, run, "sensitivity", output=OUTPUT).text
    answer = client.post(reverse("run_study_start", args=[run.pk, "local"]), {"output": OUTPUT})
    assert answer.url.endswith("?output=hypothesis%3AH2%402050#study-local")
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before - 1
    row = SensitivityStudy.objects.get()
    assert (row.owner, row.method, row.output, row.model_hash) == (analyst, "local", OUTPUT, run.input_hash)
    page = read(analyst, run, "sensitivity")
    assert "It waits for a worker." in page.text
    assert 'hx-trigger="every 2s"' in page.html
    computation_start(model=SensitivityStudy)
    SensitivityStudy.objects.update(steps_total=200, steps_completed=50)
    part = client.get(reverse("run_study", args=[run.pk, "local"]), {"output": OUTPUT})
    assert "25 % done" in said(part).text.replace("\u202f", " ")
    client.post(reverse("run_study_cancel", args=[run.pk, "local"]), {"study": row.pk, "output": OUTPUT})
    row.refresh_from_db()
    assert row.cancel_requested_at
    assert "It is being stopped." in read(analyst, run, "sensitivity").text


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("local", "swings it most"),
        ("sobol", "alone explains"),
        ("morris", "does most"),
        ("value_of_information", "Most worth knowing"),
    ],
)
def test_a_study_is_shown(read, analyst, run, method, words):
    study(run, method)
    page = read(analyst, run, "sensitivity")
    first = studied(method)["ranking"][0]
    if method == "value_of_information":
        name = Subjects(run.model_document, {}).label(studied(method)["ranking_of_hypotheses"][0])
    else:
        name = Subjects(run.model_document, {}).parameter(first)
    assert re.search(rf"{re.escape(name)}\W.{{0,20}}{words}|{words}: {re.escape(name)}", page.text)
    assert page.text.count("Nobody has asked this of the run yet.") == 3
    assert "engine" in page.text


def test_a_study_asked_over_the_api_for_the_run_is_found(read, analyst, run):
    answer = Api(analyst).post("/sensitivity", {"run": str(run.pk), "method": "local"}, Prefer="wait=0")
    assert answer.status_code == 202
    assert SensitivityStudy.objects.get().model_hash == run.input_hash
    assert "It waits for a worker." in read(analyst, run, "sensitivity").text


def test_ranges_of_the_evidence_are_for_who_reads_evidence(read, analyst, run):
    AnalysisRun.objects.filter(pk=run.pk).update(is_shared=True)
    study(run, "local", is_shared=True)
    assert "5 % point</th>" in read(analyst, run, "sensitivity").html
    viewer = read(UserFactory(role="viewer"), run, "sensitivity")
    assert "swings it most" in viewer.text
    assert "5 % point</th>" not in viewer.html
    assert "<button id=" not in viewer.html


def test_others_studies_stay_their_own(client, read, run):
    AnalysisRun.objects.filter(pk=run.pk).update(is_shared=True)
    row = study(run, "local")
    running = study(run, "sobol", succeeded=False, running=True)
    other = UserFactory(role="analyst")
    page = read(other, run, "sensitivity", output=OUTPUT)
    assert "swings it most" not in page.text
    for each in (row, running):
        answer = client.post(reverse("run_study_cancel", args=[run.pk, each.method]), {"study": each.pk})
        assert answer.status_code == 404
    running.is_shared = True
    running.save()
    assert client.post(reverse("run_study_cancel", args=[run.pk, "sobol"]), {"study": running.pk}).status_code == 403
    assert SensitivityStudy.objects.get(pk=running.pk).cancel_requested_at is None


def test_a_failed_study_says_why_and_can_be_asked_again(read, analyst, run):
    study(run, "local", succeeded=False, failed=True)
    page = read(analyst, run, "sensitivity")
    assert "failed: The worker was lost." in page.text
    assert 'id="start-local"' in page.html


@pytest.mark.parametrize("method", ["local", "robustness"])
def test_a_form_that_is_sent_twice_starts_one(client, read, analyst, run, method):
    tab, model = ("sensitivity", SensitivityStudy) if method == "local" else ("robustness", RobustnessReport)
    html = read(analyst, run, tab, **({"output": OUTPUT} if method == "local" else {})).html
    sent = {"output": OUTPUT, "run_id": re.search(r'name="run_id" value="([^"]+)"', html)[1]}
    before = limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining
    for _ in range(2):
        client.post(reverse("run_study_start", args=[run.pk, method]), sent)
    assert model.objects.count() == 1
    assert limit_status(user=analyst, cost=Cost.ANALYSIS_RUNS).remaining == before - 1


@pytest.mark.parametrize("output", ["nonsense", "hypothesis:H99@2050", "entropy@1900"])
def test_a_number_that_there_is_not_starts_nothing(client, analyst, run, output):
    client.force_login(analyst)
    page = client.post(reverse("run_study_start", args=[run.pk, "local"]), {"output": output}, follow=True)
    assert "Nothing was started" in said(page).text
    assert not SensitivityStudy.objects.exists()


@pytest.mark.parametrize("method", ["local", "robustness"])
def test_a_viewer_starts_nothing(client, run, method):
    AnalysisRun.objects.filter(pk=run.pk).update(is_shared=True)
    client.force_login(UserFactory(role="viewer"))
    assert client.post(reverse("run_study_start", args=[run.pk, method]), {"output": OUTPUT}).status_code == 403
    assert not SensitivityStudy.objects.exists()
    assert not RobustnessReport.objects.exists()


def test_methods_and_runs_that_there_are_not(client, analyst, run):
    client.force_login(analyst)
    assert client.get(reverse("run_study", args=[run.pk, "nonsense"])).status_code == 404
    assert client.post(reverse("run_study_start", args=[run.pk, "nonsense"])).status_code == 404
    AnalysisRun.objects.filter(pk=run.pk).update(owner=None)
    assert client.get(reverse("run_study", args=[run.pk, "local"])).status_code == 404


def test_the_evidence_is_asked_about_once_and_then_shown(client, read, analyst):
    EvidenceFactory(source__title="The great survey", strength=1.0)
    EvidenceFactory.create_batch(2, strength=0.2)
    run = finished_run(owner=analyst, model_document=model_document_build(iterations=4096).to_json())
    assert 'hx-trigger="load"' in read(analyst, run, "evidence").html
    part = client.get(reverse("run_influence", args=[run.pk]))
    assert 'hx-trigger="every 2s"' in part.content.decode()
    found = keep_influence(run)
    page = read(analyst, run, "evidence")
    hanging = [code for code, each in found["hypotheses"].items() if each["hangs_on_one_source"]]
    words = Subjects(run.model_document, {})
    assert all(words.label(code) in page.text for code in hanging)
    assert hanging == ["H1"]
    assert "1 of 6 questions hangs on one source Namely AI Progress" in page.text
    assert "The great survey" in page.text
    most = max(found["items"], key=lambda item: max(abs(each["change"]) for each in item["hypotheses"].values()))
    rows = re.search(r'id="influence-items".*?<tbody>(.*?)</tbody>', page.html, flags=re.S)[1]
    assert most["id"] in rows[: rows.index("</tr>")]
    assert len(re.findall("<tr", rows)) == len(found["items"])


def test_a_run_without_evidence_says_so(read, analyst, run):
    keep_influence(run)
    assert "No evidence counts in this run" in read(analyst, run, "evidence").text


def test_evidence_is_for_who_reads_it(client, read, run):
    AnalysisRun.objects.filter(pk=run.pk).update(is_shared=True)
    viewer = UserFactory(role="viewer")
    assert read(viewer, run, "evidence").status == 403
    assert client.get(reverse("run_influence", args=[run.pk])).status_code == 403


def test_robustness_is_started_and_shown(client, read, analyst, run):
    assert "Nobody has asked this of the run yet." in read(analyst, run, "robustness").text
    client.post(reverse("run_study_start", args=[run.pk, "robustness"]))
    row = RobustnessReport.objects.get()
    assert (row.owner, row.status, row.model_hash) == (analyst, RunStatus.QUEUED, run.input_hash)
    assert "It waits for a worker." in read(analyst, run, "robustness").text
    row.delete()
    report(run)
    page = read(analyst, run, "robustness")
    conclusions = reported()["conclusions"]
    assert f"{len(conclusions['hold_in_all'])} conclusion" in page.text
    assert f"all {conclusions['variants']} variants" in page.text
    labels = {row["code"]: row["label"] for row in run.model_document["hypotheses"]}
    for each in conclusions["depend"]:
        if each["kind"] == "hypothesis":
            assert each["text"].replace(each["subject"], labels[each["subject"]], 1) in page.text
    widest = max(reported()["headlines"], key=lambda each: abs(each["moves"]["overall"]["largest_move"]))
    assert f"{shown(widest['base'])} in the base" in page.text


@pytest.mark.parametrize("name", TABS)
def test_tabs_take_few_queries(client, analyst, run, name, django_assert_max_num_queries):
    for method in METHODS:
        study(run, method)
    report(run)
    keep_influence(run)
    client.force_login(analyst)
    with django_assert_max_num_queries(25):
        assert client.get(reverse("run_tab", args=[run.pk, name])).status_code == 200
