"""The sockets' hub and its sockets in one process: what is said just then is not missed."""

import asyncio
import json
from types import SimpleNamespace
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts.keys import key_create, key_revoke
from analysis import consumers, progress
from analysis.models import AnalysisRun
from analysis.services import lifecycle
from analysis.services.sharing import computation_share
from analysis.sockets import hub as module
from analysis.sockets.access import Refusal
from analysis.sockets.errors import NOT_ALLOWED, NOT_SIGNED_IN
from analysis.sockets.hub import Hub, Topic
from analysis.sockets.snapshots import hidden_read, snapshot_of, snapshots_read
from tests.factories import AnalysisRunFactory, UserFactory
from tests.processes import wait_until


class Follower:
    """A socket, as the hub sees it."""

    def __init__(self, user_id=1):
        self.credentials = SimpleNamespace(user=SimpleNamespace(pk=user_id), identity=user_id)
        self.told, self.code = [], None

    def offer(self, pk, text, *, is_final):
        self.told.append((json.loads(text)["type"], is_final))

    def shut(self, code):
        self.code = code


async def until(done, seconds=20):
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.02)


class TestWhoMayStay:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch):
        monkeypatch.setattr(module, "hub_database", lambda function: sync_to_async(function, thread_sensitive=False))
        monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)

    def test_everybody_is_asked_again_by_and_by_however_much_is_heard_of_others(self, monkeypatch):
        monkeypatch.setattr(module, "ACCESS_SECONDS", 0.2)
        monkeypatch.setattr(module, "refusals", lambda questions: [Refusal(NOT_SIGNED_IN) for _ in questions])

        async def main():
            hub, follower = Hub(), Follower()
            hub.followed[follower] = set()
            tasks = [asyncio.create_task(module._for_ever(step)) for step in (hub._check, hub._doubt_all)]

            def shut():
                hub._act(module.ACCOUNTS, "999")
                return follower.code

            await until(shut)
            for task in tasks:
                task.cancel()

        asyncio.run(main())

    def test_a_look_that_fails_forgets_nobody(self, monkeypatch):
        failures = [OperationalError("gone for a moment")]

        def refusals(questions):
            if failures:
                raise failures.pop()
            return [Refusal(NOT_SIGNED_IN) for _ in questions]

        monkeypatch.setattr(module, "refusals", refusals)

        async def main():
            hub, followers = Hub(), [Follower(number) for number in range(2 * module.IDENTITIES_AT_ONCE + 1)]
            hub.followed = {each: set() for each in followers}
            task = asyncio.create_task(module._for_ever(hub._check))
            hub._check_soon(followers)
            await until(lambda: all(each.code for each in followers))
            task.cancel()

        asyncio.run(main())


@pytest.mark.django_db
def test_the_last_message_comes_after_one_of_the_same_number(django_capture_on_commit_callbacks):
    run = AnalysisRunFactory(job_id=uuid4().hex)
    with django_capture_on_commit_callbacks(execute=True):
        taken = lifecycle.computation_start(model=AnalysisRun)
        before = snapshot_of(AnalysisRun.objects.get(pk=run.pk))
        lifecycle.computation_fail(computation=taken, reason="lost")
    (final,) = snapshots_read({run.pk: AnalysisRun})
    late_news = progress.text_of(progress.progress_of(AnalysisRun.objects.get(pk=run.pk)))

    async def main():
        hub, topic, follower = Hub(), Topic(before), Follower()
        topic.followers.add(follower)
        hub.topics[run.pk], hub.followed[follower] = topic, {run.pk}
        hub._act(module.PROGRESS, late_news)
        hub._pass_on(topic, final)
        return follower.told

    assert asyncio.run(main())[-1] == ("error", True)


@pytest.mark.django_db
def test_a_run_that_was_deleted_hides_nothing_from_who_followed_it():
    viewer, (hidden, shown, deleted) = UserFactory(role="viewer"), AnalysisRunFactory.create_batch(3)
    AnalysisRun.objects.filter(pk__in=[shown.pk, deleted.pk]).update(is_shared=True)
    AnalysisRun.objects.filter(pk=deleted.pk).delete()
    followed = dict.fromkeys([hidden.pk, shown.pk, deleted.pk], AnalysisRun)
    assert hidden_read(viewer, followed) == {hidden.pk}


@pytest.mark.django_db
def test_a_run_that_ended_meanwhile_is_not_told_of_as_one_that_goes_on(monkeypatch, django_capture_on_commit_callbacks):
    AnalysisRunFactory(job_id=uuid4().hex)
    said, write = [], lifecycle.computation_write
    monkeypatch.setattr(progress._sender, "send", said.append)

    def write_and_end(**changed):
        write(**changed)
        monkeypatch.setattr(lifecycle, "computation_write", write)
        lifecycle.computation_fail(computation=changed["computation"], reason="lost")

    with django_capture_on_commit_callbacks(execute=True):
        taken = lifecycle.computation_start(model=AnalysisRun)
        monkeypatch.setattr(lifecycle, "computation_write", write_and_end)
        lifecycle.computation_progress(computation=taken, iterations_completed=4096)
    assert {event["type"] for event in said} == {"changed"}


class Peer:
    """Somebody at the other end of a socket."""

    def __init__(self, text):
        self.scope = {"type": "websocket", "headers": [], "subprotocols": ["bearer", text]}
        self.inbox, self.sent = asyncio.Queue(), []
        self.inbox.put_nowait({"type": "websocket.connect"})

    async def send(self, message):
        self.sent.append(message)

    def open(self):
        return asyncio.create_task(consumers.progress_socket(self.scope, self.inbox.get, self.send))

    def say(self, **message):
        self.inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def heard(self):
        return [json.loads(each["text"])["type"] for each in self.sent if each["type"] == "websocket.send"]

    def codes(self):
        return [each["code"] for each in self.sent if each["type"] == "websocket.close"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestRightsThatEndJustThen:
    """Another's socket keeps the hub listening; rights end after they were read and before the hub knows the socket."""

    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch):
        monkeypatch.setattr(consumers, "_hub", hub := Hub())
        return hub

    @pytest.fixture
    def viewer(self):
        return UserFactory(role="viewer")

    def _codes(self, hub, others, text, **said):
        """What the socket opened with `text` is closed with, while another keeps the hub listening."""

        async def main():
            tasks = [Peer(others).open()]
            await until(lambda: hub.moment >= len((module.PROGRESS, module.ACCOUNTS)))
            peer = Peer(text)
            if said:
                peer.say(**said)
            tasks.append(peer.open())
            try:
                await until(peer.codes)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return peer.codes()

        return asyncio.run(main())

    def test_of_a_key_while_its_socket_is_let_in(self, hub, viewer, monkeypatch):
        (key, text), (_, others) = (key_create(user=viewer, name=name) for name in ("One", "Another"))
        real = consumers.sign_in

        def sign_in(scope):
            found = real(scope)
            if scope["subprotocols"][1] == text:
                moment = hub.moment
                key_revoke(key=key, actor=viewer)
                wait_until(lambda: hub.moment > moment)
            return found

        monkeypatch.setattr(consumers, "sign_in", sign_in)

        assert self._codes(hub, others, text) == [NOT_SIGNED_IN]

    def test_of_a_run_while_it_is_subscribed_to(self, hub, viewer, monkeypatch):
        _, text = key_create(user=viewer, name="One")
        owner = UserFactory(role="analyst")
        run = AnalysisRunFactory(owner=owner, is_shared=True, job_id=uuid4().hex)
        real = consumers.answer

        def answer(credentials, said):
            found = real(credentials, said)
            moment = hub.moment
            computation_share(computation=run, actor=owner, shared=False)
            wait_until(lambda: hub.moment > moment)
            return found

        monkeypatch.setattr(consumers, "answer", answer)

        assert self._codes(hub, text, text, action="subscribe", run_id=str(run.pk)) == [NOT_ALLOWED]
