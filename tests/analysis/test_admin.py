"""Runs in the admin site: what people read there, and what they do."""

import hashlib
import json
import re
from html import unescape

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analysis.models import AnalysisRun, RobustnessReport, SensitivityStudy
from analysis.services.model_documents import model_document_build
from analysis.services.publication import run_publish
from analysis.services.runs import run_create
from analysis.services.studies import report_create, study_create
from tests.factories import AnalysisRunFactory, EvidenceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    """The page of a run that succeeded."""
    run = AnalysisRunFactory(
        succeeded=True, rate=1234567.89, max_half_width=1.4142e-05, input_hash="0123456789abcdef" * 4
    )
    client.force_login(UserFactory(role="admin"))
    response = client.get(reverse("admin:analysis_analysisrun_change", args=[run.pk]))
    assert response.status_code == 200
    return response.content.decode()


def value(page, label):
    """What stands under a label, as text."""
    pattern = rf'<label[^>]*>\s*{label}\s*</label>.*?class="readonly[^>]*>(.*?)</div>'
    found = re.search(pattern, page, re.DOTALL | re.IGNORECASE)
    assert found, label
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("status", "Succeeded"),
        ("iterations", "4,096 of 4,096"),
        ("rate", "1,234,568 iterations per second"),
        ("max half width", "1.4e-05"),
        ("input hash", "0123456789abcdef" * 4),
    ],
)
def test_values_are_written_for_people(page, label, text):
    assert value(page, label) == text


def test_documents_scroll_in_their_own_boxes(page):
    boxes = re.findall(r'<pre style="([^"]*)"', page)
    assert len(boxes) == 2
    assert all("overflow: auto" in style and "max-height" in style for style in boxes)


class TestActions:
    @pytest.fixture
    def act(self, client):
        """Do an action on runs, as an admin; gives the page that follows."""
        client.force_login(UserFactory(role="admin"))

        def act(action, *rows):
            data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
            page = reverse(f"admin:analysis_{rows[0]._meta.model_name}_changelist")
            return client.post(page, data, follow=True)

        return act

    def test_cancel_ends_what_waits_and_asks_what_runs_to_stop(self, act):
        waiting, running, ended = (
            AnalysisRunFactory(),
            AnalysisRunFactory(running=True),
            AnalysisRunFactory(failed=True),
        )
        assert "1 cancelled, 1 asked to stop." in act("cancel", waiting, running, ended).content.decode()
        waiting, running, ended = (AnalysisRun.objects.get(pk=run.pk) for run in (waiting, running, ended))
        assert (waiting.status, running.status, ended.status) == ("cancelled", "running", "failed")
        assert running.cancel_requested_at is not None
        assert "All of them have ended already." in act("cancel", ended).content.decode()

    @pytest.mark.parametrize(
        ("state", "actions"),
        [
            ({}, {"cancel"}),
            ({"running": True}, {"cancel", "requeue"}),
            ({"failed": True}, {"requeue", "rerun"}),
            ({"succeeded": True}, {"rerun", "download"}),
        ],
    )
    def test_the_page_of_one_offers_what_can_be_done_with_it(self, client, act, state, actions):
        row = AnalysisRunFactory(**state)
        page = client.get(reverse("admin:analysis_analysisrun_change", args=[row.pk])).content.decode()
        assert set(re.findall(r'name="action" value="(\w+)"', page)) == actions
        assert f'name="_selected_action" value="{row.pk}"' in page

    def test_an_empty_list_says_what_comes_next(self, client, act):
        studies = reverse("admin:analysis_sensitivitystudy_changelist")
        assert "They are started on the page of a run" in client.get(studies).content.decode()
        searched = client.get(studies, {"q": "x"}).content.decode()
        assert "Nothing found" in searched and "Show all" in searched

    def test_download_gives_the_result_with_its_model(self, act):
        run = AnalysisRunFactory(succeeded=True, result={"schema": "x"}, model_document={"name": "A model"})
        response = act("download", run)
        assert response.json() == {"schema": "x", "model_document": {"name": "A model"}}
        assert f'filename="analysisrun-{run.short_id}.json"' in response["Content-Disposition"]
        assert "Choose one that has succeeded." in act("download", AnalysisRunFactory()).content.decode()

    @pytest.mark.parametrize("kind", [AnalysisRun, SensitivityStudy, RobustnessReport])
    def test_run_again_makes_a_new_one_from_the_same_inputs(self, act, kind):
        make = {
            AnalysisRun: run_create,
            SensitivityStudy: lambda **given: study_create(request={"method": "local"}, **given),
            RobustnessReport: lambda **given: report_create(iterations=8192, **given),
        }
        old = make[kind](document=model_document_build(iterations=4096), owner=UserFactory(), name="First")
        kind.objects.filter(pk=old.pk).update(status="failed", error="Lost.", finished_at=old.queued_at)
        assert "1 queued anew, as your own." in act("rerun", old).content.decode()
        old, new = kind.objects.get(pk=old.pk), kind.objects.exclude(pk=old.pk).get()
        assert (old.status, new.status) == ("failed", "queued")
        assert (new.name, new.input_hash, new.owner.role) == ("First", old.input_hash, "admin")
        assert AuditEntry.objects.get(action=f"{kind._meta.model_name}.rerun").details == {"of": str(old.pk)}

    def test_requeue_frees_what_hangs_and_repeats_what_failed(self, act):
        document = model_document_build(iterations=4096).to_json()
        hanging = AnalysisRunFactory(running=True, checkpoint=b"so far")
        failed = AnalysisRunFactory(failed=True, model_document=document)
        page = act("requeue", hanging, failed, AnalysisRunFactory(succeeded=True)).content.decode()
        assert "1 taken from its worker" in page and "1 queued anew" in page
        freed = AnalysisRun.objects.get(pk=hanging.pk)
        assert (freed.status, bytes(freed.checkpoint)) == ("queued", b"so far")
        assert freed.transitions.get().reason.startswith("taken from its worker by ")
        assert AnalysisRun.objects.get(pk=failed.pk).status == "failed"
        assert AnalysisRun.objects.count() == 4
        assert "None of them has failed" in act("requeue", AnalysisRunFactory(succeeded=True)).content.decode()

    def test_requeue_finds_what_failed_among_many_that_did_not(self, act):
        failed = AnalysisRunFactory(failed=True, model_document=model_document_build(iterations=4096).to_json())
        others = [AnalysisRunFactory(succeeded=True) for _ in range(25)]
        assert "1 queued anew" in act("requeue", *others, failed).content.decode()

    def test_what_can_no_longer_be_computed_is_told(self, act):
        run = AnalysisRunFactory(failed=True, model_document={"schema": "of old"})
        assert "queued anew" not in act("rerun", run).content.decode()
        assert AnalysisRun.objects.count() == 1

    def test_compare_takes_two_that_have_a_result(self, client, act):
        one, other = AnalysisRunFactory(succeeded=True), AnalysisRunFactory(succeeded=True)
        assert "Choose two" in act("compare", one).content.decode()
        assert "Choose two" in act("compare", one, AnalysisRunFactory()).content.decode()
        data = {"action": "compare", "_selected_action": [str(one.pk), str(other.pk)]}
        answer = client.post(reverse("admin:analysis_analysisrun_changelist"), data)
        assert answer.url == f"{reverse('run_compare')}?runs={one.pk},{other.pk}"


class TestPublication:
    @pytest.fixture
    def admin(self, client):
        user = UserFactory(role="admin")
        client.force_login(user)
        return user

    def run(self, **document):
        built = model_document_build(iterations=4096).to_json() | document
        return AnalysisRunFactory(succeeded=True, model_document=built)

    def test_a_note_is_needed_and_is_shown_with_earlier_ones(self, client, admin):
        first, second = self.run(), self.run()
        for run, note in ((first, "As first measured."), (second, "<b>New</b> evidence.")):
            address = reverse("admin:analysis_analysisrun_publish", args=[run.pk])
            assert "Not published: Say why." in client.post(address, {"note": " "}).content.decode()
            client.post(address, {"note": note})
        page = client.get(reverse("admin:analysis_analysisrun_baselines"))
        assert list(page.context["runs"]) == [second, first]
        text = page.content.decode()
        assert "As first measured." in text and "&lt;b&gt;New&lt;/b&gt; evidence." in text
        entry = AuditEntry.objects.filter(action="analysisrun.publish").first()
        assert (entry.actor, entry.reason) == (admin, "<b>New</b> evidence.")

    def test_the_page_tells_what_differs_from_the_baseline(self, client, admin):
        AnalysisRun.objects.filter(pk=self.run().pk).update(published_at="2026-03-01T00:00Z")
        EvidenceFactory(public_id="H1-900")
        page = client.get(reverse("admin:analysis_analysisrun_publish", args=[self.run().pk]))
        assert ["H1-900" in change.path for change in page.context["changes"]] == [True]

    @pytest.mark.parametrize("published", [True, False])
    def test_who_has_compared_with_an_older_baseline_is_asked_to_look_again(self, client, admin, published):
        run, other = self.run(), self.run()
        if published:
            run_publish(run=self.run(), actor=admin, note="As first measured.")
        address = reverse("admin:analysis_analysisrun_publish", args=[run.pk])

        def sent(page):
            shown = re.search(r'name="baseline" value="([^"]*)"', page.content.decode())
            return {"note": "Mine.", "baseline": shown[1]}

        seen = sent(client.get(address))
        run_publish(run=other, actor=UserFactory(role="admin"), note="Theirs.")
        page = client.post(address, seen)
        assert "Not published: Another baseline has been published meanwhile" in page.content.decode()
        assert ">Mine.</textarea>" in page.content.decode()
        assert AnalysisRun.objects.published().first() == page.context["baseline"] == other
        client.post(address, sent(page))
        assert AnalysisRun.objects.published().first() == run

    def test_what_did_not_succeed_is_refused_in_words(self, client, admin):
        run = AnalysisRunFactory(failed=True)
        address = reverse("admin:analysis_analysisrun_publish", args=[run.pk])
        page = client.post(address, {"note": "Because."}).content.decode()
        assert "Only a run that succeeded can be published" in page
        assert not AnalysisRun.objects.published().exists()

    def test_curators_neither_publish_nor_repeat(self, client):
        client.force_login(UserFactory(role="curator"))
        run = self.run()
        for name in ("publish", "model", "evidence"):
            address = reverse(f"admin:analysis_analysisrun_{name}", args=[run.pk])
            assert client.get(address).status_code == 403
            assert client.post(address, {"note": "Because."}).status_code == 403
        assert not AnalysisRun.objects.published().exists()


def test_evidence_is_frozen_by_hash(client):
    client.force_login(UserFactory(role="admin"))
    EvidenceFactory(public_id="H1-900")
    run = AnalysisRunFactory(succeeded=True, model_document=model_document_build().to_json())
    EvidenceFactory(public_id="H1-901")
    frozen = client.get(reverse("admin:analysis_analysisrun_evidence", args=[run.pk])).json()
    names = {item["id"] for item in frozen["items"]}
    assert "H1-900" in names and "H1-901" not in names
    page = client.get(reverse("admin:analysis_analysisrun_change", args=[run.pk])).content.decode()
    assert frozen["sha256"] in page and f"{len(names)} items" in page
    assert client.get(reverse("admin:analysis_analysisrun_model", args=[run.pk])).json() == run.model_document
    # what RFC 8785 makes of texts and plain numbers is what Python's own JSON does
    plain = AnalysisRunFactory(model_document={"evidence": [{"b": 0.5, "a": "x"}]})
    expected = hashlib.sha256(json.dumps([{"a": "x", "b": 0.5}], separators=(",", ":")).encode()).hexdigest()
    answer = client.get(reverse("admin:analysis_analysisrun_evidence", args=[plain.pk]))
    assert answer.json()["sha256"] == expected
