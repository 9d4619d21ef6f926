"""What a client may ask for, and what it is answered: once, in a thread, with the rights of this moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled, ValidationError

from accounts.api.parsers import StrictJSONParser
from accounts.api.problems import faults
from accounts.api.serializers import StrictSerializer
from accounts.limits import Cost, limit_consume
from accounts.models import User
from accounts.policies import Scope, may
from analysis.api.new_runs import run_new
from analysis.api.parameters import invalid
from analysis.api.submission import Wish
from analysis.engine.spec import ModelError
from analysis.models import AnalysisRun, Computation
from analysis.progress import Accepted, Pong, ServerMessage
from analysis.services.lifecycle import computation_cancel
from analysis.services.sharing import require_owner
from analysis.sockets.credentials import Credentials
from analysis.sockets.errors import Broken, Shut, error_of
from analysis.sockets.snapshots import Snapshot, computation_find, snapshot_of

MAX_MESSAGE_BYTES = 65_536


class Answer(NamedTuple):
    """What one message is answered: at once, and with the state of what is followed from now on.

    `broken`: the message was none of ours.
    """

    message: ServerMessage | None = None
    follow: Snapshot | None = None
    broken: bool = False


class _Parser(StrictJSONParser):
    max_bytes = MAX_MESSAGE_BYTES


class StartSerializer(StrictSerializer):
    """`start_analysis`; the parameters are checked as those of POST /analysis/run."""

    action = serializers.CharField()
    parameters = serializers.JSONField(default=dict)


class AboutSerializer(StrictSerializer):
    """`subscribe` and `cancel`."""

    action = serializers.CharField()
    run_id = serializers.UUIDField()


class PingSerializer(StrictSerializer):
    """`ping`."""

    action = serializers.CharField()


def answer(credentials: Credentials, text: str | None) -> Answer:
    """What a message is answered; `text` None is one of bytes. Raises Shut."""
    run_id = None
    try:
        user = credentials.again()
        action, given = _read(text)
        run_id = str(given["run_id"]) if "run_id" in given else None
        return action(user, given)
    except Shut:
        raise
    except Broken as error:
        return Answer(error_of(error), broken=True)
    except Exception as error:
        return Answer(error_of(error, run_id))


def _start(user: User, given: Mapping[str, Any]) -> Answer:
    if not may(user, Scope.CREATE_ANALYSIS):
        raise PermissionDenied(f"This needs the right {Scope.CREATE_ANALYSIS}.")
    try:
        run = run_new(Wish(user, given["parameters"], uuid4(), lambda: _count(user)))
    except ModelError as error:
        raise invalid(error) from None
    row = AnalysisRun.objects.get(pk=run.pk)
    return Answer(Accepted(type="accepted", run_id=str(row.pk)), snapshot_of(row))


def _subscribe(user: User, given: Mapping[str, Any]) -> Answer:
    return Answer(follow=snapshot_of(_find(user, given["run_id"])))


def _cancel(user: User, given: Mapping[str, Any]) -> Answer:
    found = _find(user, given["run_id"])
    require_owner(found, user, Scope.CANCEL_ANALYSIS)
    return Answer(follow=snapshot_of(computation_cancel(computation=found, actor=user)))


def _ping(user: User, given: Mapping[str, Any]) -> Answer:
    return Answer(Pong(type="pong"))


Action = Callable[[User, Mapping[str, Any]], Answer]
ACTIONS: Mapping[str, tuple[type[StrictSerializer], Action]] = {
    "start_analysis": (StartSerializer, _start),
    "subscribe": (AboutSerializer, _subscribe),
    "cancel": (AboutSerializer, _cancel),
    "ping": (PingSerializer, _ping),
}


def _read(text: str | None) -> tuple[Action, Mapping[str, Any]]:
    """What is asked. Raises Broken."""
    if text is None:
        raise Broken("Messages are text, not bytes.")
    try:
        message = _Parser().parse(io.BytesIO(text.encode()))
    except APIException as error:
        raise Broken(str(error.detail).replace("The body", "The message")) from None
    name = message.get("action") if isinstance(message, dict) else None
    if not isinstance(name, str) or name not in ACTIONS:
        raise Broken(f"A message is an object whose `action` is one of {', '.join(ACTIONS)}.")
    serializer_class, action = ACTIONS[name]
    serializer = serializer_class(data=message)
    try:
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        raise Broken(" ".join(f"{each['path']}: {each['message']}" for each in faults(error.detail))) from None
    return action, serializer.validated_data


def _find(user: User, pk: UUID) -> Computation:
    found = computation_find(user, pk)
    if found is None:
        raise Http404
    return found


def _count(user: User) -> None:
    """Count a run against the user's limit, as the API does. Raises Throttled, LimitsUnavailable."""
    allowance = limit_consume(user=user, cost=Cost.ANALYSIS_RUNS)
    if not allowance.allowed:
        raise Throttled(max(allowance.reset, 1))
