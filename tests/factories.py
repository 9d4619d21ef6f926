"""One object per factory, valid as it comes; traits name states."""

from datetime import UTC, date, datetime
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.models import User
from accounts.policies import Role
from accounts.services import role_assign
from analysis.choices import RunStatus
from analysis.models import AnalysisRun, RobustnessReport, SensitivityStudy
from evidence.choices import Direction, EvidenceStatus, SourceType
from evidence.models import Evidence, Hypothesis, Source


class UserFactory(DjangoModelFactory):
    """A user, with a role where one is given: `UserFactory(role="curator")`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")

    @factory.post_generation
    def role(user: User, create: bool, value: str | None, **_: Any) -> None:
        if value:
            role_assign(user=user, role=Role(value))


class SourceFactory(DjangoModelFactory):
    class Meta:
        model = Source

    title = factory.Sequence(lambda n: f"Findings, part {n}")
    publisher = "Institute"
    source_type = SourceType.ACADEMIC_PAPER
    publication_date = date(2024, 3, 1)
    url = factory.Sequence(lambda n: f"https://example.org/findings/{n}")
    identifier = ""
    key = factory.LazyAttribute(lambda source: source.identifier or source.url.removeprefix("https://"))


class HypothesisFactory(DjangoModelFactory):
    class Meta:
        model = Hypothesis

    code = factory.Sequence(lambda n: f"X{n}")
    order = factory.Sequence(lambda n: 100 + n)
    label = "Question"
    outcome_a = "yes"
    outcome_b = "no"
    initial_probability = 0.5
    midpoint_year = 2035.0
    midpoint_sd = 2.0
    speed = 0.35


class EvidenceFactory(DjangoModelFactory):
    """An approved item about the study's first hypothesis."""

    class Meta:
        model = Evidence

    public_id = factory.Sequence(lambda n: f"T-{n}")
    source = factory.SubFactory(SourceFactory)
    hypothesis = factory.LazyFunction(lambda: Hypothesis.objects.get(code="H1"))
    direction = Direction.A
    strength = 0.5
    authority = 0.8
    methodology = 0.7
    replication = 0.6
    quality = 0.7
    description = "What was found."
    status = EvidenceStatus.APPROVED


class ComputationFactory(DjangoModelFactory):
    """What is queued; traits `running`, `succeeded`, `failed`."""

    class Meta:
        abstract = True

    class Params:
        running = factory.Trait(
            status=RunStatus.RUNNING,
            started_at=factory.LazyFunction(timezone.now),
            heartbeat_at=factory.LazyFunction(timezone.now),
            attempt=1,
        )
        failed = factory.Trait(
            status=RunStatus.FAILED, finished_at=factory.LazyFunction(timezone.now), error="The worker was lost."
        )
        succeeded = factory.Trait(
            status=RunStatus.SUCCEEDED,
            queued_at=datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC),
            started_at=datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC),
            finished_at=datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC),
            attempt=1,
            result=factory.LazyFunction(dict),
        )

    name = factory.Sequence(lambda n: f"Computation {n}")
    model_document = factory.LazyFunction(dict)
    input_hash = "0" * 64
    engine_version = "1"


class AnalysisRunFactory(ComputationFactory):
    """A run; also the trait `published`."""

    class Meta:
        model = AnalysisRun

    class Params:
        published = factory.Trait(succeeded=True, published_at=factory.LazyFunction(timezone.now))

    iterations_total = 4096
    iterations_completed = factory.LazyAttribute(lambda run: 4096 if run.status == RunStatus.SUCCEEDED else 0)


class SensitivityStudyFactory(ComputationFactory):
    class Meta:
        model = SensitivityStudy

    method = "local"
    output = "entropy@2050"
    request = factory.LazyFunction(lambda: {"method": "local"})


class RobustnessReportFactory(ComputationFactory):
    class Meta:
        model = RobustnessReport

    request = factory.LazyFunction(lambda: {"iterations": 4096})
