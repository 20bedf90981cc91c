"""Brings what dialogues wanted to be reminded of: claimed when due, brought once, then forgotten.

A reminder lies in the database with the turn that set it, so it outlives the process; with several
processes one of them brings it. It becomes a turn whose external id is the reminder's key, so that
one that was brought just before a crash is not brought again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from bot import errors
from bot.brain import BrainBox
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import Turn as DialogueTurn
from bot.dialogue.turn import external
from bot.domain import Event, Message, Turn
from bot.gateway.lanes import Lanes
from bot.ports import Reminders
from bot.records import Reminder

AT_ONCE = 100
LOOK_EVERY_S = 1.0
"""Other processes set reminders, too, and may die with some of theirs."""
LONGEST_SLEEP_S = 60.0
PAUSE_S = 5.0
MAX_ATTEMPTS = 20
_log = structlog.get_logger()


class Work(Protocol):
    """Something done in a conversation."""

    async def __call__(self, turn: DialogueTurn, tracker: Tracker, /) -> None:
        """Do it."""


class Engine(Protocol):
    """What is needed of `bot.engine.Engine`."""

    on_stored: Callable[[str, str, Sequence[Event]], None]

    async def steer(self, message: Message, work: Work) -> tuple[Turn, Tracker]:
        """Do `work` in a conversation."""


class Reminding:
    """Watches the clock for one process."""

    def __init__(
        self,
        reminders: Reminders,
        engine: Engine,
        box: BrainBox,
        *,
        owner: str,
        is_shared: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing runs before `run`.

        Args:
            reminders: where they lie.
            engine: brings them.
            box: tells when it can.
            owner: this process, as it signed in.
            is_shared: whether other processes work on them.
            now: seconds since 1970.
        """
        self._reminders = reminders
        self._engine = engine
        self._box = box
        self._owner = owner
        self._look_every_s = LOOK_EVERY_S if is_shared else LONGEST_SLEEP_S
        self._now = now
        self._news = asyncio.Event()
        self._lanes: Lanes[tuple[str, str], Reminder] = Lanes("reminding", self._bring)
        engine.on_stored = self._heard

    async def run(self) -> None:
        """Go on for ever; a store that fails is asked again."""
        await self._box.wait()
        while True:
            self._news.clear()
            try:
                wait_s = await self._round()
            except errors.DependencyError as cause:
                _log.warning(str(cause), action="reminders_failed")
                wait_s = PAUSE_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_s)

    async def stop(self) -> None:
        """Drop what is under way: it is brought after the next start."""
        await self._lanes.stop()

    async def _round(self) -> float:
        """Begin to bring what is due; how long to wait for the next, in seconds."""
        now = self._now()
        claimed = await self._reminders.claim(self._owner, now=now, limit=AT_ONCE)
        for one in claimed:
            self._lanes.put((one.channel, one.sender), one)
        if len(claimed) == AT_ONCE:
            return 0.0
        due = await self._reminders.next_due(after=now)
        wait_s = self._look_every_s if due is None else due - self._now()
        return max(0.0, min(wait_s, self._look_every_s))

    async def _bring(self, reminder: Reminder) -> None:
        try:
            await self._engine.steer(_note(reminder), _work(reminder.event))
        except (errors.FrontdeskError, ValueError, KeyError, TypeError) as cause:
            await self._failed(reminder, cause)
        else:
            await self._reminders.done(reminder.key)

    async def _failed(self, reminder: Reminder, cause: Exception) -> None:
        name = str(reminder.event.data.get("name"))
        _log.error(str(cause), action="reminder_failed", reminder=name)
        if reminder.attempts + 1 >= MAX_ATTEMPTS:
            await self._reminders.done(reminder.key)
            return
        await self._reminders.postpone(reminder.key, due_at=self._now() + PAUSE_S)
        self._news.set()

    def _heard(self, _channel: str, _sender: str, happened: Sequence[Event]) -> None:
        """Look again when a turn set a reminder: it may be due before the others."""
        if any(event.name == "reminder" for event in happened):
            self._news.set()


def _work(event: Event) -> Work:
    async def work(turn: DialogueTurn, tracker: Tracker) -> None:
        if not is_outdated(tracker, event):
            entities = event.data.get("entities") or {}
            await turn.hear(external(str(event.data["intent"]), entities, tracker))

    return work


def is_outdated(tracker: Tracker, reminder: Event) -> bool:
    """Whether it was taken back since, or the visitor has written and it was to end then."""
    name = reminder.data["name"]

    def is_meant(event: Event) -> bool:
        return event.name == "reminder" and event.data["name"] == name

    counts = any(is_meant(one.event) for one in tracker.applied)
    if not counts and not tracker.cut:  # else it may lie before what can be gone back over
        return True
    if not reminder.data.get("kill_on_user_msg", True):
        return False
    for event in reversed(tracker.tail):
        if is_meant(event):
            return False
        if event.name == "user" and event.data.get("text"):
            return True
    return False


def _note(reminder: Reminder) -> Message:
    """Names the conversation and the reminder."""
    return Message(
        id=uuid.uuid4().hex,
        channel=reminder.channel,
        sender=reminder.sender,
        text=f"reminder {reminder.event.data.get('name')}",
        external_id=f"reminder {reminder.key}",
        received_at=datetime.now(UTC),
    )
