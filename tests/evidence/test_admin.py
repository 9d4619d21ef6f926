"""The evidence base in the admin site: lists, and what curators do in them."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analysis.engine.posterior import posteriors
from analysis.services.model_documents import model_document_build
from evidence.models import Evidence, Hypothesis, Source
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


@pytest.fixture
def admin(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    return user


def address(row, page, *arguments):
    return reverse(f"admin:evidence_{row._meta.model_name}_{page}", args=arguments)


@pytest.mark.parametrize("make", [SourceFactory, EvidenceFactory, Hypothesis.objects.first])
def test_nothing_curated_is_deleted_without_a_reason(client, admin, make):
    row = make()
    entries = AuditEntry.objects.count()
    assert client.get(address(row, "delete", row.pk)).status_code == 403
    assert client.post(address(row, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert address(row, "delete", row.pk) not in client.get(address(row, "change", row.pk)).content.decode()
    assert "delete_selected" not in client.get(address(row, "changelist")).content.decode()
    many = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post(address(row, "changelist"), many, follow=True)
    assert type(row).objects.filter(pk=row.pk).exists() and AuditEntry.objects.count() == entries


class TestHypotheses:
    """Scenarios and patterns have a letter for each, in their order: there are no others, and each keeps its place."""

    def test_none_is_added(self, client, admin):
        row = Hypothesis.objects.get(code="H1")
        assert client.get(address(row, "add")).status_code == 403
        form = {**Hypothesis.objects.values().get(code="H1"), "code": "H7", "order": 7, "reason": "More."}
        assert client.post(address(row, "add"), form).status_code == 403
        assert not Hypothesis.objects.filter(code="H7").exists()

    def test_code_and_order_are_read_and_not_changed(self, client, admin):
        row = Hypothesis.objects.get(code="H1")
        page = client.get(address(row, "change", row.pk)).content.decode()
        assert 'name="code"' not in page and 'name="order"' not in page and 'name="speed"' in page
        form = {**Hypothesis.objects.values().get(code="H1"), "code": "H9", "order": 99, "label": "Other"}
        assert client.post(address(row, "change", row.pk), {**form, "reason": "Tidier."}).status_code == 302
        row.refresh_from_db()
        assert (row.code, row.order, row.label) == ("H1", 1, "Other")

    def test_going_back_leaves_its_place(self, client, admin):
        row = Hypothesis.objects.get(code="H1")
        row.code, row.order, row.label = "H0", 0, "Other"
        row.save()
        history = address(row, "history", row.pk)
        changed = [line.name for line in client.get(history).context["lines"] if line.differs]
        assert changed == ["label", "code", "order"]
        client.post(history, {"version": row.history.last().history_id, "reason": "Back."})
        row.refresh_from_db()
        assert (row.code, row.order) == ("H0", 0) and row.label != "Other"


@pytest.mark.parametrize("status", ["approved", "submitted"])
def test_who_saves_an_item_untouched_changes_nothing(client, curator, status):
    item = EvidenceFactory(description="One.\nTwo.", rationale="Because.\n\nSo.", status=status)
    form = client.get(address(item, "change", item.pk)).context["adminform"].form
    sent = {name: "" if (value := form.initial.get(name)) is None else value for name in form.fields}
    sent |= {name: sent[name].replace("\n", "\r\n") for name in ("description", "rationale")}  # as browsers do
    assert client.post(address(item, "change", item.pk), sent).status_code == 302
    before = (item.description, item.rationale, item.version, item.status)
    item.refresh_from_db()
    assert (item.description, item.rationale, item.version, item.status) == before


def test_an_id_or_a_source_that_is_taken_is_refused_in_words(client, curator):
    item = EvidenceFactory(public_id="H1-900")
    form = {name: getattr(item, name) for name in ("direction", "strength", "authority", "methodology", "replication")}
    form |= {"public_id": "H1-900", "hypothesis": item.hypothesis_id, "source": item.source_id, "description": "Found."}
    assert set(client.post(address(item, "add"), form).context["adminform"].form.errors) == {"public_id"}
    taken = {"title": "Other", "source_type": "think_tank", "publication_date": "2024-01-01", "url": item.source.url}
    assert client.post(address(item.source, "add"), taken).context["adminform"].form.errors
    assert Source.objects.count() == 1
