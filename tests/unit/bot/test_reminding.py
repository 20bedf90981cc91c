"""Reminders: they outlive the process, are brought once, and end when they should."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import errors
from bot.dialogue import events
from bot.domain import Event
from bot.gateway.reminding import Reminding
from tests.conformance import replaying
from tests.conformance.replaying import CHANNEL, Bot

PROJECT = "07_action_events"
INTENT = "EXTERNAL_reminder"


def later() -> float:
    """An hour from now, so that what is due in half an hour is due already."""
    return time.time() + 3600


async def remind(bot: Bot, name: str, *, sender: str = "anna", **data: Any) -> None:
    due = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    event = {"event": "reminder", "name": name, "intent": INTENT, "date_time": due, **data}
    await bot.steering.append(CHANNEL, sender, [event], reminds=True)


def watch(bot: Bot, owner: str, now: Callable[[], float] = later) -> Reminding:
    parts = bot.parts
    return Reminding(
        parts.store.reminders, parts.engine, parts.box, owner=owner, is_shared=True, now=now
    )


async def brought(
    bot: Bot, *watching: Reminding, senders: Sequence[str] = ("anna",)
) -> list[Event]:
    """The messages that reminders made of themselves, once none is left."""
    store = bot.parts.store
    for number in range(len(watching)):
        await store.journal.beat(f"process {number}", until=later() + 60)
    running = [asyncio.create_task(one.run()) for one in watching]
    async with asyncio.timeout(60):  # a bound against hanging
        for pause_s in itertools.repeat(0.01):
            if await store.reminders.next_due(after=0) is None:
                break
            await asyncio.sleep(pause_s)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for one in watching:
        await one.stop()
    happened = [one for who in senders for one in await bot.engine.events(CHANNEL, who)]
    return [e for e in happened if e.name == "user" and events.intent_of(e) == INTENT]


async def test_a_reminder_is_brought_after_a_restart(tmp_path: Path) -> None:
    async with replaying.bot(PROJECT, tmp_path, with_reminders=False) as bot:
        await remind(bot, "call", kill_on_user_msg=False)
        assert len(await brought(bot, watch(bot, "process 0"))) == 1


async def test_of_two_processes_one_brings_it(tmp_path: Path) -> None:
    async with replaying.bot(PROJECT, tmp_path, with_reminders=False) as bot:
        senders = [f"visitor {number}" for number in range(5)]
        for sender in senders:
            await remind(bot, "call", sender=sender, kill_on_user_msg=False)
        both = watch(bot, "process 0"), watch(bot, "process 1")
        assert len(await brought(bot, *both, senders=senders)) == 5


async def test_one_that_was_brought_before_a_crash_is_not_brought_again(tmp_path: Path) -> None:
    async with replaying.bot(PROJECT, tmp_path, with_reminders=False) as bot:
        await remind(bot, "call", kill_on_user_msg=False)
        reminders = bot.parts.store.reminders
        (claimed,) = await reminders.claim("dead", now=later(), limit=1)
        first = watch(bot, "dead")
        await first._bring(claimed)  # and then it dies before it can tell
        await first._bring(claimed)
        assert len(await brought(bot, watch(bot, "process 0"))) == 1


@pytest.mark.parametrize(("kills", "count"), [(True, 0), (False, 1)])
async def test_a_message_since_then_ends_it_if_it_is_to(
    tmp_path: Path, kills: bool, count: int
) -> None:
    async with replaying.bot(PROJECT, tmp_path, with_reminders=False) as bot:
        await remind(bot, "call", kill_on_user_msg=kills)
        await bot.steering.log(CHANNEL, "anna", "hi", parse={"intent": {"name": "greet"}})
        assert len(await brought(bot, watch(bot, "process 0"))) == count


async def test_a_cancelled_one_is_not_brought(tmp_path: Path) -> None:
    async with replaying.bot(PROJECT, tmp_path, with_reminders=False) as bot:
        await remind(bot, "call", kill_on_user_msg=False)
        cancel = {"event": "cancel_reminder", "name": "call"}
        await bot.steering.append(CHANNEL, "anna", [cancel], reminds=True)
        assert await bot.parts.store.reminders.next_due(after=0) is None
        assert await brought(bot, watch(bot, "process 0")) == []


def test_a_reminder_at_no_time_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match="tomorrow"):
        events.read([{"event": "reminder", "intent": "a", "date_time": "tomorrow"}])
