"""The steps of review in the admin site: on an item's page, and with many items after a page that tells the effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.models import User
from accounts.numbers import number_of
from accounts.pages.lookup import row_or_404
from evidence.choices import EvidenceStatus
from evidence.models import Evidence
from evidence.models.assessments import CONTENT, Assessment
from evidence.services.items import evidence_edit
from evidence.services.reviews import STEPS, ReviewStep, evidence_submit, steps_open_to
from evidence.services.rules import Conflict

MOST = 500
"""Items that one action takes: its page tells of each."""
GROUPED = (EvidenceStatus.DRAFT, EvidenceStatus.SUBMITTED, EvidenceStatus.APPROVED)
"""Items whose group may be assigned with many others'; what was put away is not brought back by it."""
_NEVER = 0
"""The version of what was not shown: no item has it."""
_SAID = 5
"""Refusals that are told one by one."""
_DONE = {
    ReviewStep.SUBMIT: "submitted",
    ReviewStep.APPROVE: "approved",
    ReviewStep.REJECT: "rejected",
    ReviewStep.RETIRE: "retired",
}


class ReviewMixin(ModelAdmin):
    """Review in the admin of items."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the steps of review of one item."""
        review = path("<int:pk>/review", self.admin_site.admin_view(self.review_view), name="evidence_evidence_review")
        return [review, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Django's, with the steps that this user may take now, and what an open revision would change."""
        item = kwargs.get("obj")
        if item is not None:
            context["steps"] = steps_open_to(evidence=item, actor=_actor(request))
            context["revision"] = item.open_revision if item.status == EvidenceStatus.APPROVED else None
            context["revised"] = list(_differences(item, context["revision"])) if context["revision"] else []
        return super().render_change_form(request, context, *args, **kwargs)

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take one step with one item."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        item = row_or_404(Evidence.objects.visible_to(_actor(request)), "There is no such item.", pk=pk)
        if request.POST.get("step") not in ReviewStep.values:
            raise PermissionDenied("There is no such step.")
        step = ReviewStep(request.POST["step"])
        self._each(request, [(item, number_of(request.POST.get("seen_version")))], STEPS[step], _DONE[step])
        return redirect(reverse("admin:evidence_evidence_change", args=[pk]))

    @action(description="Submit for review")
    def submit(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        """Give the chosen drafts into review."""
        self._each(request, ((item, None) for item in queryset), evidence_submit, _DONE[ReviewStep.SUBMIT])

    @action(description="Approve")
    def approve(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> HttpResponse | None:
        """Let the chosen items count."""
        return self._confirmed(request, queryset, ReviewStep.APPROVE)

    @action(description="Reject")
    def reject(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> HttpResponse | None:
        """Turn the chosen items down."""
        return self._confirmed(request, queryset, ReviewStep.REJECT)

    @action(description="Retire")
    def retire(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> HttpResponse | None:
        """Put the chosen items away."""
        return self._confirmed(request, queryset, ReviewStep.RETIRE)

    @action(description="Assign a dependency group")
    def assign_group(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> HttpResponse | None:
        """Say that the chosen items depend on each other: at once in drafts, by way of revisions in approved ones."""
        group = request.POST.get("group", "").strip()
        if "confirmed" in request.POST:
            assign = partial(evidence_edit, changes={"dependency_group": group})
            done = f"put into {group!r}" if group else "taken out of their groups"
            return self._do(request, queryset, assign, done)
        chosen = self._chosen(queryset)
        items = [item for item in chosen if item.status in GROUPED]
        counted = [item for item in items if item.status == EvidenceStatus.APPROVED] if "group" in request.POST else []
        context = {
            "group": group,
            "removed": counted,
            "added": [_as_item(item, item.open_revision or item, dependency_group=group) for item in counted],
            "refused": [item for item in chosen if item.status not in GROUPED],
        }
        return self._ask(request, "assign_group", f"Assign a dependency group to {_count(items)}", items, **context)

    def _confirmed(self, request: HttpRequest, queryset: QuerySet[Evidence], step: ReviewStep) -> HttpResponse | None:
        """The page that tells what the step would do; once that is confirmed, do it."""
        if "confirmed" in request.POST:
            return self._do(request, queryset, STEPS[step], _DONE[step])
        items = self._chosen(queryset)
        ready = [item for item in items if step in steps_open_to(evidence=item, actor=_actor(request))]
        effect = {
            "removed": [] if step is ReviewStep.REJECT else ready,
            "added": [_as_item(item, item.open_revision or item) for item in ready if step is ReviewStep.APPROVE],
            "needs_reason": step in (ReviewStep.REJECT, ReviewStep.RETIRE),
            "refused": [item for item in items if item not in ready],
        }
        return self._ask(request, step.value, f"{step.label} {_count(ready)}", ready, **effect)

    def _chosen(self, queryset: QuerySet[Evidence]) -> list[Evidence]:
        items = cast("Any", queryset).select_related("source", "hypothesis").with_open_revision()
        return list(items[: MOST + 1])

    def _ask(
        self, request: HttpRequest, name: str, title: str, items: list[Evidence], **context: Any
    ) -> HttpResponse | None:
        if len(items) + len(context.get("refused", ())) > MOST:
            self.message_user(request, f"At most {MOST} items at a time; choose fewer.", messages.ERROR)
            return None
        page = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "action": name,
            "items": items,
            "checkbox": ACTION_CHECKBOX_NAME,
            "filters": request.POST.get("filters", request.GET.urlencode()),
            **context,
        }
        return TemplateResponse(request, "admin/evidence/evidence/confirm.html", page)

    def _do(
        self, request: HttpRequest, queryset: QuerySet[Evidence], step: Callable[..., Evidence], done: str
    ) -> HttpResponse:
        """Do it with the items that the page has shown, as they were shown, and go back to the list."""
        pairs = (text.partition("-") for text in request.POST.get("seen", "").split())
        seen = {number_of(pk): number_of(version) for pk, _, version in pairs}
        self._each(request, ((item, seen.get(item.pk, _NEVER)) for item in queryset), step, done)
        filters = QueryDict(request.POST.get("filters", "")).urlencode()
        return redirect(f"{reverse('admin:evidence_evidence_changelist')}?{filters}")

    def _each(
        self,
        request: HttpRequest,
        items: Iterable[tuple[Evidence, int | None]],
        step: Callable[..., Evidence],
        done: str,
    ) -> None:
        """Do it with each item of the version that was seen, and say with which it could not be done and why."""
        reason, taken, refused = request.POST.get("reason", ""), 0, []
        for item, version in items:
            try:
                step(evidence=item, actor=_actor(request), reason=reason, expected_version=version)
                taken += 1
            except ValidationError as error:
                refused.append(f"{item}: {' '.join(error.messages)}")
            except (Conflict, PermissionDenied) as error:
                refused.append(f"{item}: {error}")
        for message in refused[:_SAID]:
            self.message_user(request, message, messages.ERROR)
        if len(refused) > _SAID:
            self.message_user(request, f"{len(refused) - _SAID} more were refused.", messages.ERROR)
        if taken:
            self.message_user(request, f"{taken} {done}.", messages.SUCCESS)


def _as_item(item: Evidence, draft: Assessment, **changes: Any) -> Evidence:
    """The item as it would be with the draft's content, not to be stored."""
    return Evidence(public_id=item.public_id, **{**draft.content, **changes})


def _differences(item: Evidence, revision: Assessment) -> Iterable[tuple[str, Any, Any]]:
    for field in CONTENT:
        before, after = getattr(item, field), getattr(revision, field)
        if before != after:
            yield field.replace("_", " "), before, after


def _count(items: list[Evidence]) -> str:
    return "1 item" if len(items) == 1 else f"{len(items)} items"


def _actor(request: HttpRequest) -> User:
    return cast("User", request.user)
