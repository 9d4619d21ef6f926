"""Sources: identifiers that can be right, duplicates, and merging them."""

from itertools import combinations, cycle
from random import Random
from time import process_time

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rapidfuzz import fuzz

from accounts.models import AuditEntry
from evidence.duplicates import likely_pairs
from evidence.identifiers import identifier_fault
from evidence.models import Evidence, Source
from evidence.selectors import evidence_history
from evidence.services.items import evidence_edit
from evidence.services.merges import source_merge
from evidence.services.sources import source_create, source_edit
from evidence.titles import SIMILAR, Titles, alike, plain
from tests.factories import EvidenceFactory, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db

DUPLICATES = "admin:evidence_source_duplicates"


@pytest.mark.parametrize(
    "right",
    [
        "", "10.1000/xyz123", "doi:10.3982/ECTA19815", "DOI: 10.1000/182", "arXiv:2001.08361", "arxiv:hep-th/9901001v2",
        "arXiv:math.GT/0309136", "978-0-262-03384-8", "ISBN 0-306-40615-2", "isbn:080442957X", "979-10-90636-07-1",
        "CETS No. 225", "RAND RR-A2977-2", "Regulation (EU) 2024/1689",
    ],
)  # fmt: skip
def test_right_identifiers_and_those_of_other_kinds(right):
    assert identifier_fault(right) == ""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("10.1/x", "DOI"), ("doi:abc", "DOI"), ("10.1000/", "DOI"), ("arXiv:2013.08361", "arXiv"),
        ("978-0-262-03384-9", "check digit"), ("ISBN 0-306-40615-3", "check digit"), ("isbn 0804429570", "check digit"),
        ("ISBN 12345", "10 or 13 digits"), ("ISBN", "10 or 13 digits"), ("ISBN 9770262033848", "check digit"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_the_field(wrong, words):
    assert words in identifier_fault(wrong)
    details = {"title": "Findings", "source_type": "think_tank", "publication_date": "2024-01-01", "identifier": wrong}
    with pytest.raises(ValidationError) as error:
        source_create(actor=UserFactory(role="curator"), details=details)
    assert set(error.value.message_dict) == {"identifier"}


def test_an_old_identifier_does_not_stand_in_the_way_of_other_edits():
    source = SourceFactory(identifier="10.1/x")
    assert source_edit(source=source, actor=UserFactory(role="curator"), changes={"title": "New"}).title == "New"


def test_pairs_are_found_by_identifier_and_by_title():
    one = SourceFactory(title="The state of AI in 2024", url="https://doi.org/10.1000/a")
    two = SourceFactory(title="Something else altogether", identifier="doi:10.1000/A", key="two")
    three = SourceFactory(title="In 2024: the State of A.I", key="three")
    SourceFactory(title="Nothing like any of these", key="four")
    pairs = {
        frozenset((pair.one, pair.other)): pair.why for pair in likely_pairs([*Source.objects.all()], most=9).pairs
    }
    assert set(pairs) == {frozenset((one.key, two.key)), frozenset((one.key, three.key))}
    assert pairs[frozenset((one.key, two.key))] == "the same doi:10.1000/a"


def test_titles_that_are_alike_are_found_as_by_comparing_each_with_each():
    words = ["ai", "the", "law", "of", "scaling", "jobs", "governance", "state", "2024", "2025"]
    chosen = Random(7)
    titles = [" ".join(chosen.choices(words, k=chosen.randint(1, 9))) for _ in range(400)]
    titles += [f"{title[:-1]}{letter}" for title, letter in zip(titles[:60], cycle("xé\U0001f600"), strict=False)]
    known = {str(number): plain(title) for number, title in enumerate([*titles, "", "?"])}
    index = Titles(known)
    for title in known.values():
        wanted = {key for key, other in known.items() if fuzz.ratio(title, other) >= SIMILAR}
        found = [index.keys[place] for place in index.like(title)]
        assert set(found) == wanted and alike(title, known) == found


def test_one_title_is_compared_with_thousands_before_they_could_be_prepared_for_many():
    letters = Random(7)
    titles = {str(number): "".join(letters.choices("abcde fghij", k=60)) for number in range(5000)}
    began = process_time()
    assert alike(titles["77"], titles) == ["77"]
    compared = process_time()
    Titles(titles)
    assert compared - began < process_time() - compared


def test_pairs_come_in_pages_none_twice_and_none_left_out():
    sources = [
        Source(pk=number, key=f"s{number}", url="", title=f"Report {number:02d} on the effects of AI on work and wages")
        for number in range(12)
    ]
    sources[3].identifier = sources[9].identifier = "10.1000/same"
    found, page = [], likely_pairs(sources, most=7)
    while page.after:
        found += page.pairs
        page = likely_pairs(sources, most=7, after=page.after)
    pairs = [frozenset((pair.one, pair.other)) for pair in [*found, *page.pairs]]
    assert found[0] == ("s3", "s9", "the same doi:10.1000/same")
    assert len(pairs) == len(set(pairs)) == 12 * 11 // 2


def test_going_on_among_titles_after_two_that_share_an_identifier_repeats_nothing():
    """Titles of one length follow each other by key, so that such a pair can stand just before the next alike one."""
    chosen = Random(7)
    for _ in range(60):
        reports, subjects = ("assessment", "evaluation"), ("automation", "employment", "regulation", "governance")
        titles = [f"{chosen.choice(reports)} of {chosen.choice(subjects)} no {number:03d}" for number in range(11)]
        sources = [Source(key=f"s{number:02d}", url="", title=title) for number, title in enumerate(titles)]
        for number, two in enumerate(chosen.sample(list(combinations(sources, 2)), 3)):
            for source in two:
                source.identifier = source.identifier or f"10.1000/{number}"
        wanted = {
            frozenset((one.key, two.key))
            for one, two in combinations(sources, 2)
            if (one.identifier and one.identifier == two.identifier)
            or fuzz.ratio(plain(one.title), plain(two.title)) >= SIMILAR
        }
        for most in (1, 3):
            page = likely_pairs(sources, most=most)
            pairs = [*page.pairs]
            while page.after and len(pairs) <= len(wanted):
                page = likely_pairs(sources, most=most, after=page.after)
                pairs += page.pairs
            assert len(pairs) == len(wanted) and {frozenset((pair.one, pair.other)) for pair in pairs} == wanted


def test_many_long_titles_that_are_hardly_alike_are_compared_in_parts(monkeypatch):
    monkeypatch.setattr("evidence.duplicates._WORK", 50_000)
    letters = Random(7)
    base = "an assessment of the effects of large language models on employment and wages"
    titles = ["".join(letters.choice("aeiou") if letters.random() < 0.07 else each for each in base) for _ in range(60)]
    sources = [Source(key=f"s{number}", url="", title=title) for number, title in enumerate(titles)]
    pages, page = 1, likely_pairs(sources, most=2000)
    found = [*page.pairs]
    while page.after:
        page = likely_pairs(sources, most=2000, after=page.after)
        pages, found = pages + 1, [*found, *page.pairs]
    alike = [1 for a, b in combinations(map(plain, titles), 2) if fuzz.ratio(a, b) >= SIMILAR]
    assert pages > 2 and len(found) == len(alike) > 0


class TestMerge:
    def test_items_revisions_and_what_was_lacking_go_to_the_one_that_is_kept(self):
        admin = UserFactory(role="admin")
        kept = SourceFactory(authors="", identifier="", publication_date="2024-03-01")
        merged = SourceFactory(authors="Ada", identifier="10.1000/m", publication_date="2016-03-01")
        item = EvidenceFactory(source=merged)
        item = evidence_edit(evidence=item, actor=admin, changes={"strength": 0.9}, reason="New.")
        result = source_merge(kept=kept, merged=merged, actor=admin, reason="One report.")
        item.refresh_from_db()
        assert (item.source, item.open_revision.source, item.version) == (kept, kept, 3)
        assert item.quality > 0.6 and item.weight > 0  # by the date that is kept
        assert (result.authors, result.identifier, result.key) == ("Ada", "10.1000/m", kept.key)
        assert not Source.objects.filter(pk=merged.pk).exists()
        last = Source.history.filter(id=merged.pk).first()
        assert (last.history_type, last.history_user) == ("-", admin) and "One report." in last.history_change_reason
        assert item.history.first().history_change_reason == "One report."
        entry = AuditEntry.objects.get(action="source.merge")
        assert entry.details == {"merged": merged.key, "items": [item.public_id]}

    def test_what_approved_items_come_from_is_merged_by_admins_only(self):
        curator, kept = UserFactory(role="curator"), SourceFactory()
        counting, waiting = EvidenceFactory().source, EvidenceFactory(status="draft").source
        with pytest.raises(PermissionDenied):
            source_merge(kept=kept, merged=counting, actor=curator, reason="One report.")
        source_merge(kept=kept, merged=waiting, actor=curator, reason="One report.")
        assert kept.items.count() == 1

    def test_what_counts_gets_its_identifier_from_admins_only(self):
        curator, kept = UserFactory(role="curator"), EvidenceFactory().source
        source_merge(kept=kept, merged=SourceFactory(authors="Ada"), actor=curator, reason="One report.")
        made_up = SourceFactory(identifier="10.1000/x")
        with pytest.raises(PermissionDenied):
            source_merge(kept=kept, merged=made_up, actor=curator, reason="One report.")
        kept = source_merge(kept=kept, merged=made_up, actor=UserFactory(role="admin"), reason="One report.")
        assert (kept.authors, kept.identifier) == ("Ada", "10.1000/x")

    def test_a_revision_that_says_nothing_new_any_more_is_dropped(self):
        admin, item, merged = UserFactory(role="admin"), EvidenceFactory(), SourceFactory()
        item = evidence_edit(evidence=item, actor=admin, changes={"source": merged}, reason="The original.")
        before = item.version
        source_merge(kept=item.source, merged=merged, actor=admin, reason="One report.")
        item.refresh_from_db()
        assert (item.version, item.revisions.count()) == (before + 1, 0)

    def test_an_items_history_still_names_the_source_that_is_gone(self):
        admin, item, kept = UserFactory(role="admin"), EvidenceFactory(), SourceFactory()
        evidence_edit(evidence=item, actor=admin, changes={"description": "Found again."})
        key = item.source.key
        source_merge(kept=kept, merged=item.source, actor=admin, reason="One report.")
        (change,) = evidence_history(user=admin, evidence=item)[0].changes
        assert (change.field, change.before, change.after) == ("source", key, kept.key)

    def test_what_is_under_review_has_to_be_submitted_again_by_who_merged_it(self):
        curator, item = UserFactory(role="curator"), EvidenceFactory(status="submitted")
        source_merge(kept=SourceFactory(), merged=item.source, actor=curator, reason="One report.")
        item.refresh_from_db()
        assert (item.status, item.updated_by) == ("draft", curator)

    @pytest.mark.parametrize("role", ["viewer", "analyst"])
    def test_not_by_readers(self, role):
        with pytest.raises(PermissionDenied):
            source_merge(kept=SourceFactory(), merged=SourceFactory(), actor=UserFactory(role=role), reason="One.")

    def test_bad_input_changes_nothing(self):
        admin, one, other = UserFactory(role="admin"), SourceFactory(), SourceFactory()
        for merged, reason in ((one, "One."), (other, " ")):
            with pytest.raises(ValidationError):
                source_merge(kept=one, merged=merged, actor=admin, reason=reason)
        assert Source.objects.count() == 2


class TestPages:
    @pytest.fixture(autouse=True)
    def curator(self, client):
        user = UserFactory(role="curator")
        client.force_login(user)
        return user

    def test_duplicates_are_shown_and_merged(self, client):
        one, other = SourceFactory(title="The state of AI 2024"), SourceFactory(title="The State of AI, 2024")
        item = EvidenceFactory(source=other, status="draft")
        response = client.get(reverse(DUPLICATES))
        assert [(a.pk, b.pk) for a, b, _ in response.context["pairs"]] == [(one.pk, other.pk)]
        form = {"one": one.pk, "other": other.pk, "keep": one.pk}
        said = client.post(reverse(DUPLICATES), form, follow=True).content.decode()
        assert "Not merged: Say why." in said and Source.objects.count() == 2
        client.post(reverse(DUPLICATES), {**form, "reason": "One report."})
        assert Evidence.objects.get(pk=item.pk).source == one
        assert "No two sources" in client.get(reverse(DUPLICATES)).content.decode()

    def test_the_next_pairs_are_a_step_away(self, client):
        for number in range(12):
            SourceFactory(title=f"Report {number:02d} on the effects of AI on work and wages")
        page = client.get(reverse(DUPLICATES))
        assert len(page.context["pairs"]) == 50 and "Look further" in page.content.decode()
        rest = client.get(reverse(DUPLICATES), {"after": page.context["after"]})
        assert len(rest.context["pairs"]) == 66 - 50 and not rest.context["after"]
        seen = {(one.pk, other.pk) for each in (page, rest) for one, other, _ in each.context["pairs"]}
        assert len(seen) == 66

    def test_going_on_tells_pairs_of_one_address_from_places_among_titles(self, client, monkeypatch):
        monkeypatch.setattr("evidence.admin.duplicates.MOST", 1)
        for key, title, url in (
            ("s0", "Automation assessment 1", "https://example.org/a"),
            ("s1", "Governance improvings 1", "https://www.example.org/a"),
            ("s2", "Automation assessment 2", "https://example.org/b"),
            ("s3", "The law", "https://www.example.org/b"),
        ):
            SourceFactory(key=key, title=title, url=url)
        page, seen = client.get(reverse(DUPLICATES)), []
        while len(seen) < 9:
            seen += [(one.key, other.key) for one, other, _ in page.context["pairs"]]
            if not page.context["after"]:
                break
            page = client.get(reverse(DUPLICATES), {"after": page.context["after"]})
        assert seen == [("s0", "s1"), ("s2", "s3"), ("s0", "s2")]

    @pytest.mark.sqlite
    @pytest.mark.parametrize("number", ["9" * 20, "9" * 5000, "0", "x", "²", ""])
    def test_numbers_of_no_source(self, client, number):
        one, other = (SourceFactory(identifier=form) for form in ("10.1000/1", "doi:10.1000/1"))
        places = (f"titles-{number}-{one.pk}", f"marks-{one.pk}-{number}", f"{number}-{one.pk}", number)
        asked = [{"source": [number, one.pk]}, *({"after": place} for place in places)]
        for query in asked:
            page = client.get(reverse(DUPLICATES), query)
            assert [(a.pk, b.pk) for a, b, _ in page.context["pairs"]] == [(one.pk, other.pk)]
        form = {"one": number, "other": one.pk, "keep": one.pk, "reason": "One report."}
        assert client.post(reverse(DUPLICATES), form).status_code == 404

    def test_thousands_are_looked_through_in_a_moment_with_as_many_queries_as_a_few(self, client):
        def page(after=None):
            with CaptureQueriesContext(connection) as queries:
                context = client.get(reverse(DUPLICATES), {"after": after} if after else {}).context
            return len(context["pairs"]), context["after"], len(queries)

        for form in ("10.1000/1", "doi:10.1000/1"):
            SourceFactory(identifier=form)
        pairs, after, queries = page()
        assert (pairs, after) == (1, "")
        letters = Random(7)
        Source.objects.bulk_create(
            Source(
                key=f"k{number}",
                title="".join(letters.choices("abcde fghij", k=60)),
                url=f"https://example.org/{number}",
                identifier=f"{'doi:' * (number % 2)}10.2000/{number // 2}" if number < 120 else "",
                source_type="think_tank",
                publication_date="2024-01-01",
            )
            for number in range(3000)
        )
        began = process_time()
        first = page()
        assert (first[0], first[2]) == (50, queries)
        assert page(first[1]) == (11, "", queries)
        assert process_time() - began < 3

    def test_the_list_leads_to_them(self, client):
        assert reverse(DUPLICATES) in client.get(reverse("admin:evidence_source_changelist")).content.decode()

    def test_two_chosen_in_the_list_are_shown_side_by_side(self, client):
        one, other = SourceFactory(title="Alpha"), SourceFactory(title="Omega")
        data = {"action": "merge", "_selected_action": [one.pk, other.pk]}
        page = client.post(reverse("admin:evidence_source_changelist"), data, follow=True)
        assert [({a, b}, why) for a, b, why in page.context["pairs"]] == [({one, other}, "chosen in the list")]
        data["_selected_action"] = [one.pk]
        page = client.post(reverse("admin:evidence_source_changelist"), data, follow=True)
        assert "Choose two sources." in page.content.decode()

    @pytest.mark.parametrize("keep", ["", "x", "0", "99999999"])
    def test_only_one_of_the_two_can_be_kept(self, client, keep):
        form = {"one": SourceFactory().pk, "other": SourceFactory().pk, "keep": keep, "reason": "One."}
        assert client.post(reverse(DUPLICATES), form).status_code == 403
        assert Source.objects.count() == 2

    def test_a_source_shows_its_items_by_hypothesis(self, client):
        item = EvidenceFactory(public_id="H1-900")
        page = client.get(reverse("admin:evidence_source_change", args=[item.source_id])).content.decode()
        assert "H1-900" in page and str(item.hypothesis) in page

    def test_readers_are_sent_away(self, client):
        client.force_login(UserFactory(role="analyst"))
        assert client.get(reverse(DUPLICATES)).status_code == 302
