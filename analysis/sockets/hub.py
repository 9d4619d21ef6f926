"""One hub for all sockets of a server process: it hears once what the workers say, and passes it on to who follows.

A message's text is made once, by whoever publishes it. Every follower has one place for each computation it follows:
what is not sent yet when something newer comes is replaced by it. What Redis loses is read from the database.
All of this runs in the event loop; nothing here waits for a socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis

from accounts.events import CHANNEL as ACCOUNTS
from analysis.progress import CHANNEL as PROGRESS
from analysis.progress import Changed, Closed, Progress
from analysis.sockets.access import Question, refusals
from analysis.sockets.credentials import Credentials
from analysis.sockets.snapshots import Model, Snapshot, snapshots_read
from analysis.sockets.threads import hub_database

logger = logging.getLogger(__name__)

NAME = "sockets"
"""Of the subscription, for who looks at Redis' list of clients."""
PROGRESS_SECONDS = 0.25
"""Between two messages of one computation, but for the last."""
SILENCE_SECONDS = 2.0
"""What was not heard of for so long is looked up."""
ACCESS_SECONDS = 60.0
"""Between two looks whether everybody may still see what they follow; what is heard of is acted on at once."""
AGAIN_SECONDS = 0.5
"""Before something that failed is tried again."""
IDENTITIES_AT_ONCE = 50


class Follower(Protocol):
    """A socket, as the hub sees it."""

    credentials: Credentials

    def offer(self, pk: UUID, text: str, *, is_final: bool) -> None:
        """Take the newest state of a computation, in place of an older one that is not sent yet."""

    def shut(self, code: int) -> None:
        """Close it."""


class Topic:
    """A computation that somebody follows: its newest state, and who is told."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.pk, self.model = snapshot.pk, snapshot.model
        self.state = snapshot
        self.followers: set[Follower] = set()
        self.heard_at = self._next_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, state: Snapshot) -> None:
        """Pass a state on: the last one at once, others when it is time; an older one than the known not at all."""
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        known = self.state
        same = (state.seq, state.position, state.is_final) == (known.seq, known.position, known.is_final)
        if known.is_final or state.seq < known.seq or same:
            return
        self.state = state
        if state.is_final or self.heard_at >= self._next_at:
            self._tell()
        elif self._timer is None:
            self._timer = loop.call_at(self._next_at, self._tell)

    def drop(self) -> None:
        """Stop: nobody follows it any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        self.drop()
        self._timer = None
        self._next_at = asyncio.get_running_loop().time() + PROGRESS_SECONDS
        for follower in self.followers:
            follower.offer(self.pk, self.state.text, is_final=self.state.is_final)


class Hub:
    """The sockets of this process and what they follow."""

    def __init__(self) -> None:
        self.topics: dict[UUID, Topic] = {}
        self.followed: dict[Follower, set[UUID]] = {}
        self.moment = 0  # goes on with all that is heard of rights: who was let in at an earlier one is asked again
        self._of_user: Counter[int] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed: set[UUID] = set()
        self._doubted: set[Follower] = set()
        self._look, self._doubt = asyncio.Event(), asyncio.Event()

    def enter(self, follower: Follower, *, limit: int, moment: int) -> bool:
        """Take a socket in that was let in at a moment, unless its user has `limit` of them here."""
        user_id = follower.credentials.user.pk
        if self._of_user[user_id] >= limit:
            return False
        self._of_user[user_id] += 1
        self.followed[follower] = set()
        self._check_since(moment, follower)
        if not self._tasks:
            steps = (self._hear, self._catch_up, self._doubt_all, self._check)
            self._tasks = [asyncio.create_task(_for_ever(step)) for step in steps]
        return True

    def leave(self, follower: Follower) -> None:
        """Forget a socket that was taken in."""
        for pk in self.followed.pop(follower):
            self._unfollow(follower, pk)
        self._doubted.discard(follower)
        user_id = follower.credentials.user.pk
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]
        if not self.followed:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def follow(self, follower: Follower, snapshot: Snapshot, *, moment: int) -> None:
        """Tell a socket the state that it was allowed to see at a moment, and from now on what changes."""
        topic = self.topics.get(snapshot.pk)
        if topic is None:
            topic = Topic(snapshot)
        else:
            self._pass_on(topic, snapshot)
        if not topic.state.is_final:
            self.topics[topic.pk] = topic
            topic.followers.add(follower)
            self.followed[follower].add(topic.pk)
        follower.offer(topic.pk, topic.state.text, is_final=topic.state.is_final)
        self._check_since(moment, follower)

    def _pass_on(self, topic: Topic, state: Snapshot) -> None:
        topic.take(state)
        if topic.state.is_final:
            for follower in list(topic.followers):
                self.followed[follower].discard(topic.pk)
                self._unfollow(follower, topic.pk)

    def _unfollow(self, follower: Follower, pk: UUID) -> None:
        topic = self.topics.get(pk)
        if topic is None:
            return
        topic.followers.discard(follower)
        if not topic.followers:
            topic.drop()
            del self.topics[pk]

    # What is heard

    async def _hear(self) -> None:
        """Listen until the connection is lost for good; the client renews it, and its subscriptions, by itself."""
        async with (
            Redis.from_url(settings.REDIS_URL, client_name=NAME, health_check_interval=10, socket_timeout=2) as redis,
            redis.pubsub() as heard,
        ):
            await heard.subscribe(PROGRESS, ACCOUNTS)
            while True:
                message = await heard.get_message(timeout=5.0)
                if message is None:
                    continue
                channel = message["channel"].decode()
                if message["type"] == "subscribe":
                    self._catch_up_with(channel)
                else:
                    self._act(channel, message["data"].decode())

    def _catch_up_with(self, channel: str) -> None:
        """What was said before the subscription held is looked up."""
        self.moment += 1
        self._check_soon(self.followed)
        if channel == PROGRESS:
            self._look_up(self.topics)

    def _act(self, channel: str, text: str) -> None:
        if channel == ACCOUNTS:
            self.moment += 1
            self._check_soon(each for each in self.followed if each.credentials.user.pk == int(text))
            return
        event: Progress | Changed | Closed = json.loads(text)
        if event["type"] == "closed":
            self.moment += 1
        topic = self.topics.get(UUID(event["run_id"]))
        if topic is None:
            return
        if event["type"] == "progress":
            self._pass_on(topic, Snapshot(topic.pk, topic.model, event["seq"], is_final=False, text=text))
        elif event["type"] == "closed":
            self._check_soon(topic.followers)
        else:
            self._look_up([topic.pk])

    def _look_up(self, pks: Iterable[UUID]) -> None:
        self._changed.update(pks)
        self._look.set()

    # What is looked up

    async def _catch_up(self) -> None:
        """Read what has changed, and what was silent for long."""
        await _set_or_later(self._look, SILENCE_SECONDS)
        now = asyncio.get_running_loop().time()
        silent = {pk for pk, topic in self.topics.items() if topic.heard_at <= now - SILENCE_SECONDS}
        wanted = {pk: self.topics[pk].model for pk in self._changed | silent if pk in self.topics}
        self._changed.clear()
        if not wanted:
            return
        try:
            found = await hub_database(snapshots_read)(wanted)
        except Exception:
            self._changed.update(wanted)
            raise
        for snapshot in found:
            if topic := self.topics.get(snapshot.pk):
                self._pass_on(topic, snapshot)

    # Who may still see it

    def _check_soon(self, followers: Iterable[Follower]) -> None:
        self._doubted.update(followers)
        self._doubt.set()

    def _check_since(self, moment: int, follower: Follower) -> None:
        if moment != self.moment:
            self._check_soon([follower])

    async def _doubt_all(self) -> None:
        """Ask everybody again now and then: rights also end with time."""
        await asyncio.sleep(ACCESS_SECONDS)
        self._check_soon(self.followed)

    async def _check(self) -> None:
        """Close the sockets of the doubted who may not see any more what they follow."""
        await self._doubt.wait()
        self._doubt.clear()
        doubted, self._doubted = self._doubted, set()
        asked: dict[Any, tuple[Credentials, list[Follower]]] = {}
        for follower in doubted:
            asked.setdefault(follower.credentials.identity, (follower.credentials, []))[1].append(follower)
        groups = list(asked.values())
        try:
            for start in range(0, len(groups), IDENTITIES_AT_ONCE):
                await self._check_some(groups[start : start + IDENTITIES_AT_ONCE])
        except Exception:
            self._check_soon(doubted & self.followed.keys())
            raise

    async def _check_some(self, groups: list[tuple[Credentials, list[Follower]]]) -> None:
        questions = [Question(credentials, self._models(followers)) for credentials, followers in groups]
        answers = await hub_database(refusals)(questions)
        for (_, followers), refusal in zip(groups, answers, strict=True):
            for follower in followers:
                if code := refusal.code_for(self.followed.get(follower, set())):
                    follower.shut(code)

    def _models(self, followers: Iterable[Follower]) -> Mapping[UUID, Model]:
        """What the sockets follow, and of which kinds it is."""
        pks: set[UUID] = set().union(*(self.followed.get(follower, set()) for follower in followers))
        return {pk: self.topics[pk].model for pk in pks}


async def _for_ever(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except Exception as error:
            logger.warning("the sockets' hub goes on after a fault: %s", error)
            await asyncio.sleep(AGAIN_SECONDS)


async def _set_or_later(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, but not longer than that; whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    event.clear()
    return True
