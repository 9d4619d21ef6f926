"""The admin site: who gets in, every page opens, lists take the same queries for 3 rows as for 30."""

import itertools

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import audit_record
from accounts.keys import key_create
from accounts.models import ApiKey, AuditEntry, User
from accounts.policies import Role
from analysis.models import (
    AnalysisRun,
    Influence,
    RobustnessReport,
    RunTransition,
    SavedQuestion,
    Scenario,
    ScenarioCluster,
    SensitivityStudy,
)
from evidence.models import Evidence, EvidenceNote, EvidenceRevision, Hypothesis, Source, TableImport
from evidence.services.items import evidence_edit
from evidence.services.notes import note_create
from tests.factories import (
    AnalysisRunFactory,
    EvidenceFactory,
    HypothesisFactory,
    RobustnessReportFactory,
    SensitivityStudyFactory,
    SourceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

INSIDE = {inline.model for page in admin.site._registry.values() for inline in page.inlines}
OURS = [
    model
    for app in ("accounts", "evidence", "analysis")
    for model in apps.get_app_config(app).get_models()
    if model in admin.site._registry
    or not (model in INSIDE or hasattr(model, "history_object"))  # read with its object
]
NUMBERS = itertools.count()
OF_CURATORS = {Hypothesis, Source, Evidence, EvidenceRevision, EvidenceNote, TableImport}


def make_influences(number):
    """In a network of hypotheses of its own, each influencing the next."""
    hypotheses = HypothesisFactory.create_batch(number + 1)
    for source, target in itertools.pairwise(hypotheses):
        Influence.objects.create(source=source, source_outcome="A", target=target, target_outcome="A", strength=0.1)


def make_revisions(number):
    curator = UserFactory(role="curator")
    for item in EvidenceFactory.create_batch(number):
        evidence_edit(evidence=item, actor=curator, changes={"strength": 0.9}, reason="New data.")


def make_notes(number):
    curator = UserFactory(role="curator")
    for item in EvidenceFactory.create_batch(number):
        note_create(evidence=item, actor=curator, text="See the appendix.")


def make_transitions(number):
    for run in AnalysisRunFactory.create_batch(number):
        RunTransition.objects.create(run=run, status="queued", at=timezone.now(), attempt=0)


def make_scenarios(number):
    for _ in range(number):
        code = f"{next(NUMBERS):08b}".replace("0", "A").replace("1", "B")
        Scenario.objects.create(code=code, title="Title", narrative="Narrative")


def make_clusters(number):
    for _ in range(number):
        ScenarioCluster.objects.create(name=f"Cluster {next(NUMBERS)}", pattern="******", colour="#000000")


def make_keys(number):
    for _ in range(number):
        key_create(user=UserFactory(role="analyst"), name="notebook")


def make_entries(number):
    for user in UserFactory.create_batch(number):
        audit_record(actor=user, action="user.change", subject=user)


def make_imports(number):
    for user in UserFactory.create_batch(number, role="curator"):
        TableImport.objects.create(kind="items", file_name="rows.csv", created_by=user, status="failed", fault="No.")


MAKERS = {
    ApiKey: make_keys,
    AuditEntry: make_entries,
    User: lambda number: UserFactory.create_batch(number, role="analyst"),
    Hypothesis: HypothesisFactory.create_batch,
    Source: SourceFactory.create_batch,
    Evidence: EvidenceFactory.create_batch,
    EvidenceRevision: make_revisions,
    EvidenceNote: make_notes,
    TableImport: make_imports,
    Influence: make_influences,
    ScenarioCluster: make_clusters,
    Scenario: make_scenarios,
    AnalysisRun: lambda number: [AnalysisRunFactory(owner=UserFactory(), published=True) for _ in range(number)],
    RunTransition: make_transitions,
    SensitivityStudy: lambda number: [SensitivityStudyFactory(owner=UserFactory()) for _ in range(number)],
    SavedQuestion: lambda number: [
        SavedQuestion.objects.create(owner=UserFactory(), name=f"Question {next(NUMBERS)}", query="multiplier=1.5")
        for _ in range(number)
    ],
    RobustnessReport: lambda number: [RobustnessReportFactory(owner=UserFactory()) for _ in range(number)],
}


@pytest.fixture
def sign_in(client):
    def as_role(role):
        user = UserFactory(role=role)
        client.force_login(user)
        return user

    return as_role


def address(model, page, *arguments):
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=arguments)


def test_every_model_is_registered_and_the_groups_are_not():
    assert set(OURS) <= set(admin.site._registry)
    assert set(OURS) == set(MAKERS)
    assert Group not in admin.site._registry


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.ANALYST])
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_who_has_no_business_here_is_sent_away(client, sign_in, model, role):
    sign_in(role)
    for page in (reverse("admin:index"), address(model, "changelist")):
        response = client.get(page)
        assert response.status_code == 302
        assert "login" in response.url


@pytest.mark.parametrize("role", [Role.CURATOR, Role.ADMIN])
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_pages_open_as_the_policy_says(client, sign_in, model, role):
    sign_in(role)
    MAKERS[model](2)
    row = model.objects.first()
    expected = 200 if role is Role.ADMIN or model in OF_CURATORS else 403
    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(address(model, "changelist"), {"q": "a"}).status_code == expected
    assert client.get(address(model, "change", row.pk)).status_code == expected
    adds = admin.site._registry[model].has_add_permission(client.get(address(model, "changelist")).wsgi_request)
    assert client.get(address(model, "add")).status_code == (200 if adds else 403)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_list_of_30_rows_takes_at_most_one_query_more_than_one_of_3(client, sign_in, model):
    sign_in(Role.ADMIN)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(model, "changelist")).status_code == 200
        return [query["sql"] for query in captured]

    MAKERS[model](3)
    queries()  # content types and the like are read once per process
    few = queries()
    MAKERS[model](27)
    many = queries()
    paged = 1  # where there are several pages, the page's keys are looked for first
    assert len(many) <= min(len(few) + paged, 12), "\n".join(many)
    assert not any(column in sql for sql in many for column in ("model_document", "checkpoint", '"result"'))


class TestUsers:
    form = {"username": "ada", "email": "", "role": "curator", "is_active": "on"}

    def test_an_admin_adds_a_user_with_a_role_and_takes_it_away(self, client, sign_in):
        sign_in(Role.ADMIN)
        passwords = {
            "usable_password": "true",
            "password1": "a long enough phrase",
            "password2": "a long enough phrase",
        }
        assert client.post(address(User, "add"), {**self.form, **passwords}).status_code == 302
        user = User.objects.get(username="ada")
        assert (user.role, user.is_staff) == (Role.CURATOR, True)
        assert client.post(address(User, "change", user.pk), {**self.form, "role": ""}).status_code == 302
        user.refresh_from_db()
        assert (user.role, user.is_staff) == (None, False)

    def test_the_form_shows_the_present_role(self, client, sign_in):
        user = sign_in(Role.ADMIN)
        page = client.get(address(User, "change", user.pk)).content.decode()
        assert '<option value="admin" selected>' in page
        assert "user_permissions" not in page


class TestEvidence:
    def form(self, **changes):
        values = {
            "public_id": "H1-900",
            "source": SourceFactory().pk,
            "hypothesis": Hypothesis.objects.get(code="H1").pk,
            "direction": "A",
            "strength": "0.5",
            "authority": "0.8",
            "methodology": "0.7",
            "recency": "",
            "replication": "0.6",
            "description": "What was found.",
            "status": "approved",
        }
        return {**values, **changes}

    def test_what_a_curator_adds_is_a_draft_of_theirs_with_its_quality(self, client, sign_in):
        user = sign_in(Role.CURATOR)
        assert client.post(address(Evidence, "add"), self.form()).status_code == 302
        item = Evidence.objects.get(public_id="H1-900")
        assert (item.status, item.created_by, item.updated_by) == ("draft", user, user)
        assert 0.6 < item.quality < 0.8

    @pytest.mark.parametrize("role", [Role.CURATOR, Role.ADMIN])
    def test_nobody_approves_an_item_on_its_form(self, client, sign_in, role):
        sign_in(role)
        assert client.post(address(Evidence, "add"), self.form()).status_code == 302
        assert Evidence.objects.get(public_id="H1-900").status == "draft"

    @pytest.mark.parametrize("role", [Role.CURATOR, Role.ADMIN])
    def test_a_change_of_an_approved_item_is_a_revision_and_needs_a_reason(self, client, sign_in, role):
        user = sign_in(role)
        item = EvidenceFactory(strength=0.4)
        page = address(Evidence, "change", item.pk)
        form = self.form(source=item.source_id, seen_version="1")
        assert set(client.post(page, form).context["adminform"].form.errors) == {"reason"}
        assert client.post(page, {**form, "reason": "New data."}).status_code == 302
        item.refresh_from_db()
        revision = item.open_revision
        assert (item.strength, revision.strength, revision.created_by) == (0.4, 0.5, user)
        assert client.get(page).context["adminform"].form.initial["strength"] == 0.5

    def test_who_fills_in_the_form_of_an_old_version_is_told_so(self, client, sign_in):
        sign_in(Role.CURATOR)
        item = EvidenceFactory(status="draft", version=2)
        form = self.form(source=item.source_id, seen_version="1", reason="New data.")
        response = client.post(address(Evidence, "change", item.pk), form)
        assert "changed meanwhile" in str(response.context["adminform"].form.errors)

    def review(self, client, step, item, **data):
        item.refresh_from_db()
        seen = f"{item.pk}-{item.version}"
        data |= {"action": step, "_selected_action": [item.pk], "confirmed": "yes", "seen": seen}
        response = client.post(address(Evidence, "changelist"), data, follow=True)
        item.refresh_from_db()
        return item.status, [str(message) for message in response.context["messages"]]

    def test_items_are_reviewed_in_the_list(self, client, sign_in):
        author, item = sign_in(Role.ADMIN), EvidenceFactory(public_id="H1-900", status="draft")
        Evidence.objects.filter(pk=item.pk).update(created_by=author, updated_by=author)
        assert self.review(client, "approve", item)[1] == [
            "H1-900: H1-900 is draft; only what is submitted can be approved."
        ]
        assert self.review(client, "submit", item) == ("submitted", ["1 submitted."])
        status, said = self.review(client, "approve", item)
        assert (status, "neither wrote nor edited" in said[0]) == ("submitted", True)
        sign_in(Role.CURATOR)
        assert self.review(client, "reject", item) == ("submitted", ["H1-900: Say why."])
        assert self.review(client, "approve", item) == ("approved", ["1 approved."])
        assert self.review(client, "retire", item, reason="Superseded.") == ("retired", ["1 retired."])

    @pytest.mark.parametrize(
        "wrong", [{"strength": "1.5"}, {"authority": "nan"}, {"public_id": "a b"}, {"source": "0"}]
    )
    def test_bad_values_are_named_on_the_form(self, client, sign_in, wrong):
        sign_in(Role.CURATOR)
        response = client.post(address(Evidence, "add"), self.form(**wrong))
        assert response.status_code == 200
        assert set(response.context["adminform"].form.errors) == set(wrong)
        assert not Evidence.objects.exists()

    def test_html_in_texts_is_shown_as_text(self, client, sign_in):
        sign_in(Role.ADMIN)
        EvidenceFactory(source=SourceFactory(title="<script>alert(1)</script>"), dependency_group="<b>g</b>")
        page = client.get(address(Evidence, "changelist")).content.decode()
        assert "<script>alert(1)</script>" not in page
        assert "<b>g</b>" not in page


class TestSources:
    form = {"title": "Findings", "source_type": "think_tank", "publication_date": "2024-01-01"}

    def test_a_new_source_gets_its_key(self, client, sign_in):
        sign_in(Role.CURATOR)
        response = client.post(address(Source, "add"), {**self.form, "url": "https://example.org/new/"})
        assert response.status_code == 302
        assert Source.objects.get().key == "example.org/new"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": ""},
            {"url": "https://example.org/stored"},
            {"url": "http://example.org/stored"},  # the same but for the scheme
            {"url": "javascript:alert(1)"},
            {"url": "https://example.org/x", "publication_date": "2024-02-30"},
        ],
    )
    def test_a_source_that_is_stored_already_or_cannot_be_found_is_refused_on_the_form(self, client, sign_in, wrong):
        sign_in(Role.CURATOR)
        SourceFactory(url="https://example.org/stored")
        response = client.post(address(Source, "add"), {**self.form, **wrong})
        assert response.status_code == 200
        assert response.context["adminform"].form.errors
        assert Source.objects.count() == 1

    def changed_by(self, role, client, sign_in, status):
        source = EvidenceFactory(status=status).source
        sign_in(role)
        form = {"title": "Other", "source_type": "think_tank", "publication_date": "1990-01-01"}
        more = {"url": "https://example.org/other", "identifier": "10.1000/other", "reason": "Wrong before."}
        assert client.post(address(Source, "change", source.pk), {**form, **more}).status_code == 302
        before = Source(**{field.attname: getattr(source, field.attname) for field in Source._meta.fields})
        source.refresh_from_db()
        assert source.title == "Other"
        fields = ("source_type", "publication_date", "url", "identifier")
        return {field for field in fields if getattr(source, field) != getattr(before, field)}

    def test_a_curator_leaves_what_approved_items_get_their_weight_from(self, client, sign_in):
        assert self.changed_by(Role.CURATOR, client, sign_in, "approved") == set()

    @pytest.mark.parametrize(("role", "status"), [(Role.CURATOR, "submitted"), (Role.ADMIN, "approved")])
    def test_otherwise_all_of_a_source_may_be_changed(self, client, sign_in, role, status):
        changed = self.changed_by(role, client, sign_in, status)
        assert changed == {"source_type", "publication_date", "url", "identifier"}


@pytest.mark.filterwarnings("error::django.core.paginator.UnorderedObjectListWarning")
@pytest.mark.parametrize(("field", "make"), [("source", SourceFactory), ("hypothesis", HypothesisFactory)])
def test_choices_for_an_item_come_in_order(client, sign_in, field, make):
    sign_in(Role.CURATOR)
    made = make.create_batch(3)
    query = {"app_label": "evidence", "model_name": "evidence", "field_name": field, "term": ""}
    found = [row["id"] for row in client.get(reverse("admin:autocomplete"), query).json()["results"]]
    assert found == [str(pk) for pk in make._meta.model.objects.values_list("pk", flat=True)]
    assert found[-3:] == [str(row.pk) for row in made]


@pytest.mark.parametrize(("make", "page"), [(SourceFactory, 25), (EvidenceFactory, 25)])
def test_long_lists_have_pages(client, sign_in, make, page):
    sign_in(Role.CURATOR)
    make.create_batch(page + 1)
    response = client.get(address(make._meta.model, "changelist"))
    assert len(response.context["cl"].result_list) == page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prior_probability", "0"),
        ("prior_probability", "1"),
        ("initial_probability", "1.5"),
        ("midpoint_year", "1849"),
        ("midpoint_sd", "21"),
        ("speed", "0"),
        ("speed", "nan"),
    ],
)
def test_a_hypothesis_with_a_number_out_of_range_is_refused_at_the_field(client, sign_in, field, value):
    sign_in(Role.ADMIN)
    hypothesis = Hypothesis.objects.values().get(code="H1")
    pk = hypothesis.pop("id")
    response = client.post(address(Hypothesis, "change", pk), {**hypothesis, field: value, "reason": "New survey."})
    assert set(response.context["adminform"].form.errors) == {field}
    changed = {**hypothesis, "prior_probability": "0.6"}
    assert set(client.post(address(Hypothesis, "change", pk), changed).context["adminform"].form.errors) == {"reason"}
    changed["reason"] = "New survey."
    assert client.post(address(Hypothesis, "change", pk), changed).status_code == 302
    assert Hypothesis.objects.get(pk=pk).prior_probability == 0.6


def test_a_curator_words_a_hypothesis_and_leaves_its_numbers(client, sign_in):
    sign_in(Role.CURATOR)
    hypothesis = Hypothesis.objects.get(code="H1")
    form = {"label": "Progress", "outcome_a": "fast", "outcome_b": "slow", "prior_probability": "0.9"}
    assert client.post(address(Hypothesis, "change", hypothesis.pk), form).status_code == 302
    hypothesis.refresh_from_db()
    assert (hypothesis.label, hypothesis.prior_probability) == ("Progress", 0.5)


@pytest.mark.parametrize(
    ("role", "status", "changes"),
    [(Role.CURATOR, "approved", False), (Role.CURATOR, "submitted", True), (Role.ADMIN, "approved", True)],
)
def test_the_outcomes_that_approved_items_speak_for_are_for_admins(client, sign_in, role, status, changes):
    sign_in(role)
    hypothesis = Hypothesis.objects.get(code="H1")
    EvidenceFactory(hypothesis=hypothesis, status=status)
    numbers = Hypothesis.objects.values().get(code="H1")
    form = {**numbers, "label": "Progress", "outcome_a": "other", "outcome_b": "another", "reason": "Clearer."}
    assert client.post(address(Hypothesis, "change", hypothesis.pk), form).status_code == 302
    before = (hypothesis.outcome_a, hypothesis.outcome_b)
    hypothesis.refresh_from_db()
    assert hypothesis.label == "Progress"
    assert (hypothesis.outcome_a, hypothesis.outcome_b) == (("other", "another") if changes else before)


class TestRuns:
    def test_runs_are_read_and_not_edited(self, client, sign_in):
        sign_in(Role.ADMIN)
        run = AnalysisRunFactory(succeeded=True, result={"note": "<script>alert(1)</script>"}, checkpoint=b"state")
        RunTransition.objects.create(run=run, status="queued", at=timezone.now(), attempt=0, reason="asked for")
        page = client.get(address(AnalysisRun, "change", run.pk)).content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert(1)" not in page
        assert "asked for" in page
        assert client.post(address(AnalysisRun, "change", run.pk), {"name": "Other"}).status_code == 403
        assert client.post(address(AnalysisRun, "delete", run.pk), {"post": "yes"}).status_code == 403
        assert AnalysisRun.objects.get(pk=run.pk).name == run.name
