"""From the database to the model document, and the command `export_model`."""

import io

import pytest
from django.core.management import CommandError, call_command

from aifutures_site.config import get_config
from analysis.engine.posterior import item_quality
from analysis.engine.spec import ModelError, input_hash, parse_model
from analysis.models import Influence
from analysis.services.model_documents import PUBLISHED_STUDY, model_document_build, published_study
from evidence.choices import EvidenceStatus
from evidence.models import Evidence
from tests.factories import AnalysisRunFactory, EvidenceFactory, SourceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded():
    call_command("load_evidence", stdout=io.StringIO())


@pytest.mark.sqlite
def test_the_baseline_holds_what_the_database_and_the_configuration_hold(loaded):
    document = model_document_build()
    study = published_study()
    analysis = get_config().analysis
    assert document.codes == study.codes
    assert {hypothesis.prior_probability for hypothesis in document.hypotheses} == {0.5}
    assert document.influences == study.influences
    assert document.clusters == study.clusters
    assert document.settings == study.settings
    assert (document.as_of, document.base_year, document.end_year) == (analysis.evidence.as_of, 2025, 2050)
    assert document.run == study.run
    assert len(document.evidence) == 120
    assert [item.id for item in document.evidence] == sorted(item.id for item in document.evidence)
    first = document.evidence[0]
    assert (first.source, first.source_type) == ("arXiv:2001.08361", "academic_paper")
    assert first.title == "Scaling Laws for Neural Language Models"


def test_only_approved_evidence_counts():
    for status in EvidenceStatus.values:
        EvidenceFactory(public_id=status, status=status)
    assert [item.id for item in model_document_build().evidence] == ["approved"]


def test_evidence_is_ordered_by_hypothesis_and_id_however_it_was_stored():
    for public_id in ("b-1", "B-1", "a-2", "A_1"):
        EvidenceFactory(public_id=public_id)
    assert [item.id for item in model_document_build().evidence] == ["A_1", "B-1", "a-2", "b-1"]


@pytest.mark.sqlite
def test_the_same_data_give_the_same_hash_and_changed_data_another(loaded):
    before = input_hash(model_document_build())
    assert input_hash(model_document_build(name="another name")) == before
    Evidence.objects.filter(public_id="H1-001").update(strength=0.31)
    assert input_hash(model_document_build()) != before


def test_the_stored_quality_is_the_engines(loaded):
    document = model_document_build()
    computed = {item.id: item_quality(document, item) for item in document.evidence}
    assert dict(Evidence.objects.values_list("public_id", "quality")) == pytest.approx(computed, abs=1e-12)


def test_the_published_study_is_the_file_as_it_is():
    document = model_document_build(model="published")
    assert document == parse_model(PUBLISHED_STUDY.read_bytes())
    assert not document.evidence


def test_a_build_takes_few_queries(loaded, django_assert_num_queries):
    with django_assert_num_queries(4):
        model_document_build()


def test_a_run_chooses_and_the_configuration_fills_in(loaded):
    document = model_document_build(
        name="Barriers",
        causal_model="independent",
        iterations=8192,
        seed=7,
        sampler="pseudo",
        dtype=None,
        target_year=2040,
        stop_when_converged=True,
        hypotheses=["H1", "H2"],
        interventions=[{"hypothesis": "H1", "outcome": "B", "from_year": 2030}],
        observations=[{"hypothesis": "H2", "outcome": "B", "from_year": 2035}],
        evidence_filter={"quality_min": 0.6, "sources": ["arXiv:2001.08361"]},
    )
    run = document.run
    assert document.name == "Barriers"
    assert document.settings.causal_network.model == "independent"
    assert (run.iterations, run.seed, run.sampler, run.dtype) == (8192, 7, "pseudo", "float32")
    assert (run.target_year, run.stop_when_converged, run.hypotheses) == (2040, True, ("H1", "H2"))
    assert (run.interventions[0].from_year, run.observations[0].hypothesis) == (2030, "H2")
    assert (run.evidence_filter.quality_min, run.evidence_filter.hypothesis) == (0.6, None)
    assert model_document_build().settings.causal_network.model == "dependency_network"


@pytest.mark.parametrize(
    ("choices", "path"),
    [
        ({"iterations": 0}, "run.iterations"),
        ({"iterations": 10**12}, "run.iterations"),
        ({"hypotheses": ["H9"]}, "run.hypotheses[0]"),
        ({"target_year": 1999}, "run.target_year"),
        (
            {"interventions": [{"hypothesis": "H9", "outcome": "A", "from_year": 2030}]},
            "run.interventions[0].hypothesis",
        ),
        ({"evidence_filter": {"colour": "red"}}, "run.evidence_filter.colour"),
        ({"evidence_filter": {"sources": ["unheard of"]}}, "run.evidence_filter.sources[0]"),
        ({"causal_model": "magic"}, "settings.causal_network.model"),
    ],
)
def test_a_choice_that_makes_no_model_is_named(choices, path):
    with pytest.raises(ModelError) as caught:
        model_document_build(**choices)
    assert caught.value.faults[0].path == path


class TestExport:
    def export(self, *arguments):
        out = io.StringIO()
        call_command("export_model", *arguments, stdout=out)
        return out.getvalue()

    @pytest.mark.sqlite
    @pytest.mark.parametrize("model", ["baseline", "published"])
    def test_what_is_exported_reads_back_with_the_same_hash(self, loaded, model):
        text = self.export("--model", model)
        assert input_hash(parse_model(text)) == input_hash(model_document_build(model=model))
        assert text.startswith('{\n "schema": "aifutures.model/1",\n "name"')

    @pytest.mark.sqlite
    def test_a_runs_model_reads_back_with_the_same_hash(self, loaded, tmp_path):
        document = model_document_build(iterations=4096)
        run = AnalysisRunFactory(model_document=document.to_json(), input_hash=input_hash(document))
        Influence.objects.update(strength=0.01)
        assert self.export("--run", run.short_id, "--output", str(tmp_path / "model.json")) == ""
        assert input_hash(parse_model((tmp_path / "model.json").read_bytes())) == run.input_hash

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--run", "zzz"], "'zzz' is not the id of a run."),
            (["--run", ""], "There is no run ''."),
            (["--run", "12345678"], "There is no run '12345678'."),
            (["--run", "5"], "Several runs start with '5'; give more of the id."),
            (["--run", "12345678", "--model", "baseline"], "Give --run or --model, not both."),
            (["--model", "best"], "Unknown model 'best'; models are baseline, published."),
            (["--output", "/nowhere/at/all"], "/nowhere/at/all: cannot be written: No such file or directory"),
        ],
    )
    def test_bad_input_is_one_line_and_exit_status_2(self, arguments, words):
        for last in "12":
            AnalysisRunFactory(id=f"5555555555555555555555555555555{last}")
        with pytest.raises(CommandError) as caught:
            self.export(*arguments)
        assert (str(caught.value), caught.value.returncode) == (words, 2)

    def test_data_that_make_no_model_are_exit_status_1(self):
        EvidenceFactory(source=SourceFactory(title="x" * 400), dependency_group="x" * 200)
        Influence.objects.all().delete()
        from analysis.models import ScenarioCluster

        ScenarioCluster.objects.all().delete()
        with pytest.raises(CommandError, match="clusters") as caught:
            self.export()
        assert caught.value.returncode == 1
