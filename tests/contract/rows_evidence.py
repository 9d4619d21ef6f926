"""Evidence, sources and questions."""

from accounts.policies import Role
from evidence.models import Hypothesis
from evidence.services.items import evidence_edit
from evidence.services.reviews import evidence_submit
from tests.contract.rows import Call, least, row, signed_in
from tests.factories import EvidenceFactory, UserFactory

NAME = "H1-900"
BODY = {
    "hypothesis": "H1",
    "direction": "A",
    "strength": 0.4,
    "quality_scores": {"authority": 0.8, "methodology": 0.7, "replication": 0.5},
    "source": {
        "title": "A study",
        "source_type": "academic_paper",
        "publication_date": "2025-05-01",
        "identifier": "10.1000/1",
    },
    "description": "What was found.",
}
ANY = {"If-Match": "*"}


def item(status="approved", **call):
    def make(owner):
        EvidenceFactory(public_id=NAME, status=status)
        return Call(path={"public_id": NAME}, **call)

    return make


def items(owner):
    curator = UserFactory(role="curator")
    for each in EvidenceFactory.create_batch(10):
        evidence_edit(evidence=each, actor=curator, changes={"strength": 0.9}, reason="New data.")
    return Call(query={"hypothesis": "H1", "q": "found", "ordering": "-quality"})


def sources(owner):
    EvidenceFactory.create_batch(10)
    return Call(query={"q": "findings", "ordering": "-published"})


def submitted_revision(owner):
    curator = UserFactory(role="curator")
    each = EvidenceFactory(public_id=NAME)
    each = evidence_edit(evidence=each, actor=curator, changes={"strength": 0.9}, reason="New data.")
    evidence_submit(evidence=each, actor=curator)
    return Call(path={"public_id": NAME}, body={}, headers=ANY)


def source(**call):
    return lambda owner: Call(path={"pk": EvidenceFactory().source.pk}, **call)


def hypothesis(**call):
    return lambda owner: Call(path={"code": Hypothesis.objects.get(code="H1").code}, **call)


REASON = {"reason": "Because."}

ROWS = [
    row("GET", "evidence", least(Role.ANALYST, 200), make=items, queries=3),
    row("POST", "evidence", least(Role.CURATOR, 201), make=lambda owner: Call(body=BODY), queries=14),
    row("GET", "evidence/<str:public_id>", least(Role.ANALYST, 200), make=item(), queries=2),
    row(
        "PATCH",
        "evidence/<str:public_id>",
        least(Role.CURATOR, 200),
        make=item(headers=ANY, body={"strength": 0.9, **REASON}),
        queries=13,
    ),
    row("DELETE", "evidence/<str:public_id>", least(Role.ADMIN, 204), make=item("draft", headers=ANY), queries=10),
    row("POST", "evidence/<str:public_id>/submit", least(Role.CURATOR, 200), make=item("draft", body={}), queries=9),
    row("POST", "evidence/<str:public_id>/approve", least(Role.CURATOR, 200), make=submitted_revision, queries=16),
    row(
        "POST",
        "evidence/<str:public_id>/reject",
        least(Role.CURATOR, 200),
        make=item("submitted", headers=ANY, body=REASON),
        queries=9,
    ),
    row(
        "POST",
        "evidence/<str:public_id>/retire",
        least(Role.CURATOR, 200),
        make=item(headers=ANY, body=REASON),
        queries=10,
    ),
    row("GET", "evidence/<str:public_id>/history", least(Role.ANALYST, 200), make=item(), queries=5),
    row(
        "POST",
        "evidence/import",
        least(Role.CURATOR, 200),
        make=item(body=[{"id": NAME, "description": "Found again."}]),
        queries=16,
    ),
    row("GET", "evidence/export", least(Role.ANALYST, 200), make=item(), queries=3),
    row("GET", "sources", least(Role.ANALYST, 200), make=sources, queries=3),
    row("POST", "sources", least(Role.CURATOR, 201), make=lambda owner: Call(body=BODY["source"]), queries=6),
    row("GET", "sources/<int:pk>", least(Role.ANALYST, 200), make=source(), queries=2),
    row(
        "PATCH",
        "sources/<int:pk>",
        least(Role.CURATOR, 200),
        make=source(headers=ANY, body={"title": "Other"}),
        queries=10,
    ),
    row("GET", "hypotheses", signed_in(200), queries=2),
    row("GET", "hypotheses/<str:code>", signed_in(200), make=hypothesis(), queries=2),
    row(
        "PATCH",
        "hypotheses/<str:code>",
        least(Role.ADMIN, 200),
        make=hypothesis(headers=ANY, body={"prior_probability": 0.6, **REASON}),
        queries=9,
    ),
]
