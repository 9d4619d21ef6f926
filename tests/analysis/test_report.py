"""The PDF report of a run, read by pypdf."""

import io
import os
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import django_rq
import numpy as np
import pytest
from django.urls import reverse
from pypdf import PdfReader

from analysis.engine.influence import evidence_influence
from analysis.engine.robustness import robustness_report
from analysis.engine.sensitivity.request import parse_request
from analysis.engine.sensitivity.study import sensitivity_study
from analysis.engine.simulate import simulate
from analysis.engine.spec import input_hash, parse_model
from analysis.jobs.reports import extras_of, report_answer
from analysis.models import Scenario
from analysis.report_pdf import Extras, report_pdf
from analysis.report_pdf.sheets import CELL, width_of, wrapped
from analysis.services.derived import QUEUE, answer_find, answer_keep
from analysis.services.run_reports import influence_question, report_question
from analysis.wording import THIN_SPACE, percent
from tests.analysis.api.support import computed, finished_run
from tests.factories import (
    EvidenceFactory,
    RobustnessReportFactory,
    SensitivityStudyFactory,
    SourceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ADDRESS = "https://example.org/a-finding"


@cache
def with_evidence():
    """The published study with two findings, and its result."""
    item = {
        "id": "T-1",
        "title": "Progress costs $5 and has no end: a finding with a title that is too long for a single line",
        "hypothesis": "H1",
        "direction": "A",
        "strength": 0.5,
        "quality_scores": {"authority": 0.8, "methodology": 0.7, "recency": None, "replication": 0.6},
        "publication_date": "2024-03-01",
        "dependency_group": "one",
    }
    items = [item, {**item, "id": "T-2", "title": "Another one", "dependency_group": "two"}]
    document = parse_model({**computed()[0].to_json(), "evidence": items})
    return document, simulate(document, threads=1)


@pytest.fixture
def run():
    EvidenceFactory(public_id="T-1", source=SourceFactory(url=ADDRESS))
    document, result = with_evidence()
    return finished_run(
        name="Spring report",
        owner=UserFactory(role="analyst", username="ana"),
        finished_at=datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC),
        model_document=document.to_json(),
        result=result,
        input_hash=input_hash(document),
    )


@pytest.fixture(autouse=True)
def connection(monkeypatch):
    """The test's own, which a worker's job would close."""
    for job in ("reports", "derived"):
        monkeypatch.setattr(f"analysis.jobs.{job}.close_old_connections", lambda: None)


@pytest.fixture
def work():
    """What a worker does."""
    return lambda run: report_answer(*report_question(run=run, user=run.owner).arguments)


def opened(content):
    """The file as pypdf reads it, and all its text with plain spaces."""
    reader = PdfReader(io.BytesIO(content))
    text = " ".join(page.extract_text() for page in reader.pages)
    return reader, re.sub(r"\s+", " ", text.replace(THIN_SPACE, " "))


def links(reader):
    return [
        note.get_object()["/A"]["/URI"]
        for page in reader.pages
        for note in page.get("/Annots", [])
        if note.get_object()["/Subtype"] == "/Link"
    ]


def test_everything_is_in_it(run):
    content = report_pdf(run, extras_of(run, run.owner))
    reader, text = opened(content)
    assert all(tuple(map(round, page.mediabox[2:])) == (595, 842) for page in reader.pages)
    first = reader.pages[0].extract_text()
    assert "Spring report" in first
    assert run.input_hash in first
    assert "2 March 2026" in first
    assert "ana" in first
    probabilities = run.result["scenario_probabilities"]
    for code, title in Scenario.objects.values_list("code", "title"):
        assert code in text
        assert title[:20] in text
        assert percent(probabilities[code]).replace(THIN_SPACE, " ") in text
    for heading in ("What the model finds", "The method in short", "What this method cannot tell", "The evidence: 2"):
        assert heading in text
    assert "Every mean probability is known within" in text
    assert "Progress costs $5" in text
    assert set(links(reader)) == {ADDRESS}
    assert f"{len(reader.pages)} / {len(reader.pages)}" in text


def test_words_stand_in_figures_letter_by_letter(run):
    likeliest = max(run.result["scenario_probabilities"], key=run.result["scenario_probabilities"].get)
    Scenario.objects.filter(code=likeliest).update(title="R&D <first>")
    text = opened(report_pdf(run, Extras()))[1]
    assert text.count("R&D <first>") > 2
    assert "&amp;" not in text


def test_what_is_known_of_its_model_is_in_it(run):
    document = with_evidence()[0]
    for method, size in {"local": {}, "sobol": {"samples": 32}, "morris": {"samples": 4}}.items():
        asked = parse_request(document, {"method": method, "output": "hypothesis:H2@2050", **size})
        SensitivityStudyFactory(
            succeeded=True,
            method=method,
            output="hypothesis:H2@2050",
            result=sensitivity_study(document, asked),
            owner=run.owner,
            model_hash=run.input_hash,
        )
    report = robustness_report(document, iterations=4096)
    RobustnessReportFactory(succeeded=True, result=report, owner=run.owner, model_hash=run.input_hash)
    plots = extras_of(run, run.owner).plots
    keys = ["study-local-plot", "study-sobol-plot", "study-morris-plot", "robustness-ranges", "influence-items"]
    assert set(keys) <= {plot.key for plot in plots}
    content = report_pdf(run, extras_of(run, run.owner))
    if place := os.environ.get("REPORT_PDF"):
        Path(place).write_bytes(content)
    text = opened(content)[1].replace(" ", "")
    for plot in plots:
        assert plot.finding.replace(THIN_SPACE, "").replace(" ", "") in text
    stranger = extras_of(run, UserFactory(role="viewer"))
    assert not stranger.plots
    found = answer_find(question=influence_question(run=run)).document
    assert found["items"] == evidence_influence(document)["items"]


def test_it_says_what_it_is(run):
    reader, _ = opened(report_pdf(run, Extras()))
    facts = reader.metadata
    assert facts.title == "Spring report – AI Futures"
    assert facts.author == "ana"
    assert facts.subject.startswith("Most likely in 2050: ")
    assert run.input_hash in facts["/Keywords"]
    assert facts.creation_date == run.finished_at


def test_the_same_run_gives_the_same_bytes(run):
    assert report_pdf(run, Extras()) == report_pdf(run, Extras())


def test_who_may_not_read_the_evidence_gets_none(run):
    reader, text = opened(report_pdf(run, extras_of(run, UserFactory(role="viewer"))))
    assert "Spring report" in text
    assert "Progress costs" not in text
    assert links(reader) == []


def test_a_worker_makes_it_and_the_page_gives_it_out(client, run, work):
    client.force_login(run.owner)
    address, state = (reverse(name, args=[run.pk]) for name in ("run_report", "run_report_state"))
    page = client.get(address)
    assert page["Content-Type"].startswith("text/html")
    assert "The report is being made" in page.content.decode()
    assert "data-open" not in client.get(state).content.decode()
    question = report_question(run=run, user=run.owner)
    assert django_rq.get_queue(QUEUE).job_ids == [question.job_id]
    work(run)
    assert f'href="{address}" data-open' in client.get(state).content.decode()
    file = client.get(address)
    assert file["Content-Type"] == "application/pdf"
    assert file["Content-Disposition"] == f'inline; filename="aifutures-{run.short_id}.pdf"'
    assert "Spring report" in opened(file.content)[1]
    run.name = "Another name"
    run.save()
    assert client.get(address)["Content-Type"].startswith("text/html")


def test_what_goes_wrong_is_told(client, run, work, monkeypatch):
    def broken(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("analysis.jobs.reports.report_pdf", broken)
    work(run)
    client.force_login(run.owner)
    assert "The report could not be made" in client.get(reverse("run_report", args=[run.pk])).content.decode()


def told(client, run):
    """What the report's page says."""
    client.force_login(run.owner)
    page = client.get(reverse("run_report", args=[run.pk]))
    assert page["Content-Type"].startswith("text/html")
    return page.content.decode()


def test_it_is_not_made_without_what_could_not_be_computed_now(client, run, work, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("analysis.jobs.derived.evidence_influence", lambda *_, **__: 1 / 0)
        work(run)
    page = told(client, run)
    assert "The report could not be made: what its evidence does was not computed" in page
    assert influence_question(run=run).job_id in page
    assert "Try again" in page
    django_rq.get_connection(QUEUE).flushdb()  # as some seconds later
    work(run)
    plot = next(plot for plot in extras_of(run, run.owner).plots if plot.key == "influence-items")
    text = opened(client.get(reverse("run_report", args=[run.pk])).content)[1]
    assert plot.finding.replace(THIN_SPACE, "").replace(" ", "") in text.replace(" ", "")


def test_it_is_made_without_what_the_engine_refuses(run, work):
    answer_keep(question=influence_question(run=run), refusal="the model has no such output")
    work(run)
    assert answer_find(question=report_question(run=run, user=run.owner)).document
    assert "influence-items" not in [plot.key for plot in extras_of(run, run.owner).plots]


def test_too_little_memory_is_a_reason(client, run, work, monkeypatch):
    monkeypatch.setattr("analysis.jobs.reports.report_pdf", lambda *_: np.ones(2**46))
    work(run)
    page = told(client, run)
    assert "The report could not be made: there was not enough memory for it; runs of fewer years" in page
    assert "Try again" not in page


def test_a_name_without_spaces_keeps_its_beginning(run):
    name = "GOVERNANCE/LABOUR-MARKET/STRUCTURAL-CHANGE/LONG-RUN-CONSEQUENCES"
    likeliest = max(run.result["scenario_probabilities"], key=run.result["scenario_probabilities"].get)
    Scenario.objects.filter(code=likeliest).update(title=name)
    text = opened(report_pdf(run, Extras()))[1]
    assert re.search(f"{name[:34]}[^ …]{{,5}}…", text), "capitals are wider than the letters that a page has room for"


def test_only_for_who_sees_the_run(client, run):
    client.force_login(UserFactory(role="analyst"))
    assert client.get(reverse("run_report", args=[run.pk])).status_code == 404
    assert client.get(reverse("run_report_state", args=[run.pk])).status_code == 404


@pytest.mark.parametrize("text", ["", "word", "some words that need more than a line", "x" * 300])
def test_lines_are_no_wider_than_the_column(text):
    lines = wrapped(text, CELL, 60)
    assert all(width_of(line, CELL.size) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
