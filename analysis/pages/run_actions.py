"""What can be done with a run: offered where it may be done, and done by the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from rest_framework.exceptions import Throttled

from accounts.api.throttles import charge
from accounts.limits import Cost, LimitsUnavailable
from accounts.models import User
from accounts.policies import Asker, Scope, may
from analysis.api.new_runs import run_again
from analysis.api.submission import Wish
from analysis.choices import RunStatus
from analysis.engine.spec import ModelError
from analysis.models import AnalysisRun, Computation
from analysis.pages.access import requires
from analysis.pages.subject import visible_run
from analysis.selectors import baseline_run_id
from analysis.services.lifecycle import computation_cancel
from analysis.services.publication import run_publish, suppositions
from analysis.services.sharing import computation_share, is_owner, require_owner
from analysis.wording import duration


@dataclass(frozen=True)
class Offer:
    """What the user may do with the run as it is now."""

    cancel: bool
    share: bool
    rerun: bool
    publish: bool

    @property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return self.cancel or self.share or self.rerun or self.publish


def offer(user: Asker, run: AnalysisRun) -> Offer:
    """What the run's page offers: nothing that the services would refuse."""
    own = is_owner(run, user)
    return Offer(
        cancel=own and not run.is_final and not run.cancel_requested_at and may(user, Scope.CANCEL_ANALYSIS),
        share=own and not run.is_published and may(user, Scope.SHARE_ANALYSIS),
        rerun=run.is_final and may(user, Scope.CREATE_ANALYSIS),
        publish=may(user, Scope.WRITE_BASELINE) and _publishable(run),
    )


def charged(request: HttpRequest, body: Any = None, pk: UUID | None = None) -> Wish:
    """A wish for a run by the page's user, which counts against the same limit as one over the API."""
    user = cast("User", request.user)
    return Wish(user, body, pk or uuid4(), lambda: charge(request, Cost.ANALYSIS_RUNS, user=user))


def begun_once(
    request: HttpRequest,
    begin: Callable[[Wish], Computation],
    body: Any = None,
    *,
    model: type[Computation] = AnalysisRun,
    about: str = "",
) -> UUID:
    """The id of what a form begins, or began when it was sent before. Raises what `begin` raises.

    The form brings the id: it is sent twice by a second click, or by loading the answer again. A form that stays while
    what it asks changes says what it is `about`: then it begins one for each.
    """
    try:
        pk = UUID(request.POST.get("run_id", ""))
    except ValueError:
        pk = uuid4()
    if about:
        pk = uuid5(pk, about)
    if model._default_manager.filter(pk=pk).exists():
        return pk
    try:
        return begin(charged(request, body, pk)).pk
    except IntegrityError:  # sent twice at once: the other one began it
        return pk


def refused(error: Throttled | LimitsUnavailable) -> str:
    """Why no run was begun, and what to do, where limits stand in the way."""
    if isinstance(error, LimitsUnavailable):
        return "Nothing can be started at the moment, because runs cannot be counted. Try again in a minute."
    seconds = getattr(error, "wait", None) or 1
    return f"You have started as many runs as you may for now. The next can be started in {duration(seconds)}."


@require_POST
@requires(Scope.CANCEL_ANALYSIS)
def cancel(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Stop it: at once while it waits, soon while it is worked on."""
    found, user = visible_run(request, pk), cast("User", request.user)
    require_owner(found, user, Scope.CANCEL_ANALYSIS)
    computation_cancel(computation=found, actor=user)
    return _back(request, pk)


@require_POST
@requires(Scope.SHARE_ANALYSIS)
def share(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Open it to everyone who reads results, or close it again, as `shared` says."""
    shared = request.POST.get("shared") == "yes"
    computation_share(computation=visible_run(request, pk), actor=cast("User", request.user), shared=shared)
    words = "Everyone who reads results can now open this page." if shared else "Only you and admins see this run now."
    messages.success(request, words)
    return _back(request, pk)


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def rerun(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The same once more, computed anew, as a run of the user's own."""
    try:
        again = begun_once(request, lambda wish: run_again(wish, pk))
    except (Throttled, LimitsUnavailable) as error:
        messages.error(request, refused(error))
        return _back(request, pk)
    except ModelError as error:
        messages.error(request, f"This run cannot be repeated with the present engine: {error}")
        return _back(request, pk)
    return redirect("run", again)


@require_POST
@requires(Scope.WRITE_BASELINE)
def publish(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Make it the baseline that everyone reads."""
    try:
        run_publish(
            run=visible_run(request, pk), actor=cast("User", request.user), note=request.POST.get("note", "").strip()
        )
    except ValidationError as error:
        messages.error(request, f"It was not published. {' '.join(error.messages)}")
    else:
        messages.success(request, "This run is the baseline now: the dashboard and all scenarios show it.")
    return _back(request, pk)


def _publishable(run: AnalysisRun) -> bool:
    if run.status != RunStatus.SUCCEEDED or run.pk == baseline_run_id():
        return False
    return not suppositions(run.model_document)


def _back(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """To the page that the form stood on, or to the run's."""
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(page) if ours else redirect("run", pk)


urlpatterns = [
    path("runs/<uuid:pk>/cancel", cancel, name="run_cancel"),
    path("runs/<uuid:pk>/share", share, name="run_share"),
    path("runs/<uuid:pk>/rerun", rerun, name="run_rerun"),
    path("runs/<uuid:pk>/publish", publish, name="run_publish"),
]
