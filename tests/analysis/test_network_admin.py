"""Influences and clusters in the admin site: changed through their services, with a reason."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analysis.admin import matrix
from analysis.admin.model import PartOfModelForm
from analysis.models import Influence, Scenario, ScenarioCluster
from analysis.services.matrix import network_strengths
from analysis.services.network import cluster_edit, influence_edit
from analysis.services.scenarios import scenario_edit
from tests.factories import AnalysisRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    return user


def address(row, page="change"):
    return reverse(f"admin:analysis_{row._meta.model_name}_{page}", args=[row.pk])


@pytest.fixture
def opened(client, admin):
    """What the form of a row holds when it is opened."""

    def opened(row):
        form = client.get(address(row)).context["adminform"].form
        return {**form.initial, "reason": ""}

    return opened


@pytest.fixture
def change(client, opened):
    """Send the form of a row with some fields changed, and give the answer."""
    return lambda row, **fields: client.post(address(row), {**opened(row), **fields})


@pytest.mark.parametrize(
    ("model", "field", "value"), [(Influence, "strength", 0.125), (ScenarioCluster, "colour", "#123456")]
)
def test_a_change_has_a_reason_and_is_audited(change, admin, model, field, value):
    row = model.objects.first()
    before = getattr(row, field)
    refused = change(row, **{field: value})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors == {"reason": ["Say why."]}
    row.refresh_from_db()
    assert getattr(row, field) == before
    assert change(row, **{field: value}, reason="A survey.").status_code == 302
    row.refresh_from_db()
    assert getattr(row, field) == value
    entry = AuditEntry.objects.get(object_type=row._meta.label_lower, object_id=row.pk)
    assert (entry.actor, entry.reason, entry.details) == (admin, "A survey.", {field: [before, value]})


def test_what_the_model_cannot_have_is_refused_at_its_field(change):
    row = Influence.objects.first()
    errors = change(row, strength=1.5, reason="Why not.").context["adminform"].form.errors
    assert set(errors) == {"strength"}
    last = ScenarioCluster.objects.last()
    assert change(last, pattern="A*****", reason="Why not.").context["adminform"].form.errors
    last.refresh_from_db()
    assert last.pattern == "******"


class TestTwoAtOnce:
    """One has the form of a row open while another changes another field of it."""

    TWO = [
        (Influence, ("strength", 0.125), ("description", "Another's words.")),
        (ScenarioCluster, ("colour", "#123456"), ("name", "Another's name")),
        (Scenario, ("title", "My title"), ("narrative", "Another's words.")),
    ]

    def write(self, row, field, value):
        edit = {Influence: influence_edit, ScenarioCluster: cluster_edit, Scenario: scenario_edit}[type(row)]
        given = {edit.__name__.removesuffix("_edit"): row, "actor": UserFactory(role="admin")}
        edit(**given, changes={field: value}, reason="Seen otherwise.")

    @pytest.mark.parametrize(("model", "mine", "others"), TWO)
    def test_who_has_seen_an_older_version_changes_nothing(self, client, opened, model, mine, others):
        row = model.objects.first()
        before, form = getattr(row, mine[0]), opened(row)
        self.write(row, *others)
        typed = {**form, mine[0]: mine[1], "reason": "A survey."}
        shown = client.post(address(row), typed).context["adminform"].form
        assert "has been changed meanwhile; look at it again" in str(shown.non_field_errors())
        assert (shown[mine[0]].value(), shown["reason"].value()) == (str(mine[1]), "A survey.")
        row.refresh_from_db()
        assert (getattr(row, mine[0]), getattr(row, others[0])) == (before, others[1])
        assert client.post(address(row), typed).status_code == 200, "also when it is sent again"
        typed = {**opened(row), mine[0]: mine[1], "reason": "A survey."}
        assert client.post(address(row), typed).status_code == 302
        row.refresh_from_db()
        assert (getattr(row, mine[0]), getattr(row, others[0])) == (mine[1], others[1])

    @pytest.mark.parametrize(("model", "mine", "others"), TWO)
    def test_nor_do_they_go_back_to_an_earlier_one(self, client, admin, model, mine, others):
        row = model.objects.first()
        self.write(row, *mine)
        history = address(row, "history")
        seen = client.get(history).context["object"].version
        self.write(row, *others)
        data = {"version": row.history.last().history_id, "reason": "Back.", "seen_version": seen}
        assert "has been changed meanwhile" in client.post(history, data, follow=True).content.decode()
        row.refresh_from_db()
        assert (getattr(row, mine[0]), getattr(row, others[0])) == (mine[1], others[1])

    def test_what_is_changed_while_the_page_is_made_is_not_overwritten(self, client, opened, monkeypatch):
        row, made = Scenario.objects.first(), PartOfModelForm.__init__

        def changed_meanwhile(form, *args, **kwargs):
            self.write(row, "narrative", "Another's words.")
            made(form, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(PartOfModelForm, "__init__", changed_meanwhile)
            form = opened(row)
        assert client.post(address(row), {**form, "title": "My title"}).status_code == 200
        row.refresh_from_db()
        assert row.narrative == "Another's words."


def test_who_saves_the_words_of_a_scenario_untouched_changes_nothing(client, opened):
    row = Scenario.objects.first()
    scenario_edit(scenario=row, actor=UserFactory(role="admin"), changes={"narrative": "One.\n\nTwo."})
    form = opened(row)
    sent = {**form, "narrative": form["narrative"].replace("\n", "\r\n")}  # as browsers do
    records = row.history.count()
    assert client.post(address(row), sent).status_code == 302
    row.refresh_from_db()
    assert (row.narrative, row.history.count()) == ("One.\n\nTwo.", records)


def test_a_name_that_is_taken_is_refused_at_its_field(change):
    row, other = ScenarioCluster.objects.all()[:2]
    errors = change(row, name=other.name, reason="Why not.").context["adminform"].form.errors
    assert set(errors) == {"name"}


def test_influences_are_added_and_deleted_in_the_matrix_alone(client, admin):
    row = Influence.objects.first()
    assert client.get(reverse("admin:analysis_influence_add")).status_code == 403
    assert client.post(reverse("admin:analysis_influence_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


class TestMatrix:
    URL = "admin:analysis_influence_matrix"

    @pytest.fixture
    def send(self, client, admin):
        """Send the matrix with some fields changed, named like `H1A-H2A`; gives the page that follows."""

        def send(reason="A survey.", seen=None, **fields):
            return client.post(reverse(self.URL), self.form(client, reason, seen, **fields), follow=True)

        return send

    def form(self, client, reason="", seen=None, **fields):
        page = client.get(reverse(self.URL))
        cells = [
            cell for _, outcomes in page.context["rows"] for _, pairs in outcomes for pair in pairs for cell in pair
        ]
        names = {cell.label: cell.name for cell in cells}
        typed = {names[label.replace("_", " > ")]: text for label, text in fields.items()}
        seen = page.context["version"] if seen is None else seen
        return {**{cell.name: cell.text for cell in cells}, "reason": reason, "seen_version": seen, **typed}

    def network(self):
        return {str(row): row.strength for row in Influence.objects.select_related("source", "target")}

    def rows(self):
        return [(str(row), row.order, row.description) for row in Influence.objects.select_related("source", "target")]

    def test_influences_are_changed_added_and_deleted_together(self, send, admin):
        before = self.network()
        page = send(H1A_H2A="0,4", H1B_H2B="", H6A_H1B="1")
        assert [str(message) for message in page.context["messages"]] == ["3 influences changed."]
        changed = {**before, "H1A > H2A": 0.4, "H6A > H1B": 1.0}
        del changed["H1B > H2B"]
        assert self.network() == changed
        entries = AuditEntry.objects.filter(action__startswith="influence.")
        assert {entry.action for entry in entries} == {"influence.edit", "influence.create", "influence.delete"}
        assert {(entry.actor, entry.reason) for entry in entries} == {(admin, "A survey.")}

    @pytest.mark.parametrize("text", ["1.5", "-0.1", "nan", "a lot"])
    def test_what_is_no_strength_is_named_and_changes_nothing(self, send, text):
        before = self.network()
        page = send(H1A_H2A=text, H6A_H1B="0.5")
        assert self.network() == before
        assert page.context["errors"] == [text]
        assert 'aria-invalid="true"' in page.content.decode()

    def test_a_reason_is_needed_and_what_was_typed_is_kept(self, send):
        before = self.network()
        page = send(reason=" ", H6A_H1B="0.5")
        assert self.network() == before
        assert [change.label for change in page.context["changes"]] == ["H6A > H1B"]

    def test_who_has_seen_an_older_network_changes_nothing(self, send):
        before = self.network()
        page = send(seen=1, H6A_H1B="0.5")
        assert self.network() == before
        assert "has been changed meanwhile" in page.content.decode()

    def test_the_check_tells_changes_and_loops(self, client, admin):
        for row in Influence.objects.exclude(source__code="H1", source_outcome="A"):
            row.delete()
        fields = {"H2A_H1A": "0.5", "H1A_H2A": "0.3"}
        page = client.post(reverse(f"{self.URL}_check"), self.form(client, **fields))
        assert page.context["loops"] == ["H1 > H2 > H1"]
        assert [(change.label, change.after) for change in page.context["changes"]] == [
            ("H1A > H2A", 0.3),
            ("H2A > H1A", 0.5),
        ]

    def test_a_strength_that_nobody_touches_keeps_all_its_digits(self, client, send):
        row = Influence.objects.first()
        row.strength = 0.123456789012345
        row.save()
        page = client.get(reverse(self.URL))
        assert page.context["changes"] == []
        page = send(H6A_H1B="0.5")
        assert [str(message) for message in page.context["messages"]] == ["1 influence changed."]
        row.refresh_from_db()
        assert row.strength == 0.123456789012345

    def test_what_is_changed_while_the_page_is_made_is_not_overwritten(self, client, admin, monkeypatch):
        row = Influence.objects.first()

        def changed_meanwhile():
            found = network_strengths()
            row.strength = 0.375
            row.save()
            return found

        with monkeypatch.context() as patch:
            patch.setattr(matrix, "network_strengths", changed_meanwhile)
            form = self.form(client, "A survey.")
        page = client.post(reverse(self.URL), form, follow=True)
        assert "has been changed meanwhile" in page.content.decode()
        row.refresh_from_db()
        assert row.strength == 0.375

    def cells(self, page):
        """What the fields of the matrix hold."""
        return {
            cell.name: cell.text
            for _, outcomes in page.context["rows"]
            for _, pairs in outcomes
            for pair in pairs
            for cell in pair
        }

    @pytest.mark.usefixtures("admin")
    @pytest.mark.parametrize("as_of", ["0", "9" * 20, "9" * 5000, "then"], ids=["0", "20", "5000", "then"])
    def test_at_a_time_that_is_none_the_present_network_is_shown(self, client, as_of):
        now, then = client.get(reverse(self.URL)), client.get(reverse(self.URL), {"as_of": as_of})
        assert self.cells(now) == self.cells(then)

    def test_an_earlier_network_is_shown_and_restored(self, client, send):
        before, rows = self.network(), self.rows()
        version = client.get(reverse(self.URL)).context["version"]
        send(H1A_H2A="0.4", H1B_H2B="", H6A_H1B="1")
        page = client.get(reverse(self.URL), {"as_of": version})
        assert len(page.context["changes"]) == 3
        restored = {**self.cells(page), "reason": "Back.", "seen_version": page.context["version"]}
        client.post(reverse(self.URL), restored)
        assert self.network() == before
        assert self.rows() == rows, "with descriptions, and in their order"

    def test_curators_are_refused(self, client):
        client.force_login(UserFactory(role="curator"))
        assert client.get(reverse(self.URL)).status_code == 403
        assert client.post(reverse(f"{self.URL}_check")).status_code == 403


class TestClusters:
    def count(self, client, pattern, cluster=""):
        address = f"{reverse('admin:analysis_scenariocluster_count')}?cluster={cluster}"
        return client.post(address, {"pattern": pattern})

    def test_patterns_are_counted_in_the_order_of_the_clusters(self, client, admin):
        likely = dict.fromkeys(Scenario.objects.values_list("code", flat=True), 1 / 64)
        AnalysisRunFactory(published=True, result={"scenario_probabilities": likely})
        first = ScenarioCluster.objects.first()
        lines = self.count(client, "A*****", first.pk).context["lines"]
        assert [line.after.scenarios for line in lines] == [32, 0, 32]
        assert [line.before.scenarios for line in lines] == [8, 8, 48]
        assert sum(line.after.probability for line in lines) == pytest.approx(1)
        lines = self.count(client, "B*****").context["lines"]
        assert [line.is_this for line in lines] == [False, False, True, False]
        assert [line.after.scenarios for line in lines] == [8, 8, 32, 16]

    @pytest.mark.parametrize("pattern", ["", "A", "AXXXXX", "A*******", "a*****"])
    def test_what_is_no_pattern_is_told(self, client, admin, pattern):
        assert "A pattern has 6 characters" in self.count(client, pattern).content.decode()

    def test_the_first_one_is_counted_too(self, client, admin):
        ScenarioCluster.objects.all().delete()
        (line,) = self.count(client, "******").context["lines"]
        assert (line.is_this, line.before, line.after.scenarios) == (True, None, 64)

    def test_one_is_added_and_removed_with_a_reason(self, client, admin):
        values = {"name": "Slow", "pattern": "B*****", "colour": "#123456"}
        page = client.post(reverse("admin:analysis_scenariocluster_add"), {**values, "reason": ""})
        assert set(page.context["adminform"].form.errors) == {"reason"}
        client.post(reverse("admin:analysis_scenariocluster_add"), {**values, "reason": "A survey."})
        row = ScenarioCluster.objects.get(name="Slow")
        assert [each.name for each in ScenarioCluster.objects.all()][-2] == "Slow"
        address = reverse("admin:analysis_scenariocluster_remove", args=[row.pk])
        client.post(address, {"reason": ""})
        assert ScenarioCluster.objects.filter(pk=row.pk).exists()
        client.post(address, {"reason": "Too slow."})
        assert not ScenarioCluster.objects.filter(pk=row.pk).exists()

    def test_the_last_one_which_takes_all_stays(self, client, admin):
        row = ScenarioCluster.objects.last()
        client.post(reverse("admin:analysis_scenariocluster_remove", args=[row.pk]), {"reason": "Why not."})
        assert ScenarioCluster.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [(Influence, "strength", 0.125), (ScenarioCluster, "pattern", "A****B"), (Scenario, "narrative", "Otherwise.")],
)
def test_an_earlier_version_is_compared_and_restored(client, change, model, field, value):
    row = model.objects.first()
    before = getattr(row, field)
    assert change(row, **{field: value}, reason="A survey.").status_code == 302
    history = address(row, "history")
    page = client.get(history)
    assert [(line.before, line.after) for line in page.context["lines"] if line.differs] == [(str(before), str(value))]
    back = {"version": row.history.last().history_id, "reason": "Back."}
    client.post(history, {**back, "seen_version": page.context["object"].version})
    row.refresh_from_db()
    assert getattr(row, field) == before
    assert row.history.first().history_change_reason == "Back."
    assert "It says that already." in client.post(history, back, follow=True).content.decode()
