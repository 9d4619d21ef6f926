"""The evidence base in the admin site: lists, and what curators do in them."""

import pytest
from django.urls import reverse

from analysis.engine.posterior import posteriors
from analysis.services.model_documents import model_document_build
from evidence.models import Evidence, Hypothesis
from evidence.services.items import evidence_edit, quality_refresh
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client):
    user = UserFactory(role="curator")
    client.force_login(user)
    return user


def listed(client, **query):
    response = client.get(reverse("admin:evidence_evidence_changelist"), query)
    assert response.status_code == 200
    return [item.public_id for item in response.context["cl"].result_list]


def test_stored_weights_are_the_engines(curator):
    EvidenceFactory(public_id="a", direction="B", strength=0.3)
    EvidenceFactory(public_id="b", hypothesis=Hypothesis.objects.get(code="H4"), replication=0.0)
    assert quality_refresh() == 2
    stored = dict(Evidence.objects.values_list("public_id", "weight"))
    used = [entry for posterior in posteriors(model_document_build()) for entry in posterior.used]
    assert stored == pytest.approx({entry.item.id: entry.weight for entry in used})
    assert stored["a"] < 0 < stored["b"]
    item = Evidence.objects.get(public_id="a")
    item.status = "draft"
    item.save()
    edited = evidence_edit(evidence=item, actor=curator, changes={"direction": "A"}, reason="Misread.")
    assert edited.weight == pytest.approx(-stored["a"])


def test_the_list_is_sorted_by_quality_and_by_weight(client, curator):
    for name, quality, weight in (("a", 0.9, -0.2), ("b", 0.2, 1.5), ("c", 0.5, -2.0)):
        EvidenceFactory(public_id=name, quality=quality, weight=weight)
    columns = client.get(reverse("admin:evidence_evidence_changelist")).context["cl"].list_display
    assert listed(client, o=columns.index("quality_score")) == ["b", "c", "a"]
    assert listed(client, o=columns.index("weight_nats")) == ["c", "a", "b"]
    assert listed(client, o=f"-{columns.index('weight_nats')}") == ["b", "a", "c"]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("capab", {"one"}),
        ("CAPABILITY compute", {"one"}),
        ("H1-900", {"one"}),
        ("h1-9", {"one", "two"}),
        ("10.1000/abc", {"two"}),
        ("arxiv", {"two"}),
        ("capability arxiv", set()),
        ("'", set()),
        ("capab' | !zzz", set()),
        ("\\", set()),
        ("zzz", set()),
    ],
)
def test_words_are_found_in_items_and_in_their_sources(client, curator, words, found):
    names = {"one": "H1-900", "two": "H1-901"}
    EvidenceFactory(public_id=names["one"], description="Capability grows.", rationale="More compute.")
    source = SourceFactory(title="From arXiv", identifier="10.1000/abc.2")
    EvidenceFactory(public_id=names["two"], source=source)
    assert listed(client, q=words) == sorted(names[name] for name in found)


def test_an_item_without_an_id_gets_the_next_number(client):
    client.force_login(UserFactory(role="curator"))
    EvidenceFactory(public_id="H1-041")
    hypothesis = Hypothesis.objects.get(code="H1")
    scores = dict.fromkeys(("strength", "authority", "methodology", "replication"), "0.5")
    form = {
        "source": SourceFactory().pk,
        "hypothesis": hypothesis.pk,
        "direction": "A",
        "description": "Found.",
        **scores,
    }
    assert client.post(reverse("admin:evidence_evidence_add"), form).status_code == 302
    assert Evidence.objects.filter(public_id="H1-042", status="draft").exists()
