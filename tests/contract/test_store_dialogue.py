"""What every store must do for dialogues: reminders and snapshots, on real databases."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain import (
    Decision,
    Event,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Thresholds,
    Understanding,
    Versions,
)
from bot.ports import Store
from bot.store import open_store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
T = NOON.timestamp()
REPLY = Reply(
    messages=(),
    decision=Decision(
        outcome=Outcome.RESPOND,
        reason=Reason.DIALOGUE,
        thresholds=Thresholds(answer=0.7, clarify=0.3, rule=0.8),
        actions=(),
    ),
    understanding=Understanding(
        language=Language.EN,
        prediction=None,
        candidates=(),
        confidence=1.0,
        versions=Versions(classifier="c", encoder="e", knowledge="k"),
    ),
)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = open_store(url)
    yield opened
    await opened.close()


def reminder(name: str, after_s: float = 60.0, **data: Any) -> Event:
    due = datetime.fromtimestamp(T + after_s, UTC).isoformat()
    kept = {"name": name, "intent": "EXTERNAL_call", "entities": None, "date_time": due, **data}
    return Event(name="reminder", timestamp=T, data=kept)


def event(kind: str, /, **data: Any) -> Event:
    return Event(name=kind, timestamp=T, data=data)


async def happen(store: Store, sender: str, *events: Event, external_id: str | None = None) -> None:
    note = Message(
        id=uuid.uuid4().hex,
        channel="rest",
        sender=sender,
        text="x",
        external_id=external_id,
        received_at=NOON,
    )
    conversation, _ = await store.open_turn(note)
    await store.close_turn(conversation, note, REPLY, events)


async def names(store: Store, owner: str, after_s: float = 1e6) -> Sequence[str]:
    claimed = await store.reminders.claim(owner, now=T + after_s, limit=10)
    return [str(one.event.data["name"]) for one in claimed]


async def test_a_reminder_is_claimed_once_and_not_before_it_is_due(store: Store) -> None:
    await happen(store, "u", reminder("late", 90.0), reminder("soon", 60.0))
    await store.journal.beat("me", until=T + 1e7)
    assert await store.reminders.next_due(after=T) == T + 60
    assert await names(store, "me", 59.0) == []
    assert await names(store, "me", 61.0) == ["soon"]
    assert await names(store, "me", 61.0) == []
    assert await names(store, "other", 91.0) == ["late"]
    assert await store.reminders.next_due(after=T + 91) is None


async def test_what_a_dead_process_held_is_free_and_what_is_done_is_gone(store: Store) -> None:
    await happen(store, "u", reminder("a"))
    await store.journal.beat("dead", until=T + 70)
    assert await names(store, "dead", 65.0) == ["a"]
    assert await names(store, "me", 66.0) == []
    await store.journal.beat("me", until=T + 1e7)
    (found,) = await store.reminders.claim("me", now=T + 71, limit=10)
    assert (found.channel, found.sender, found.event) == ("rest", "u", reminder("a"))
    await store.reminders.postpone(found.key, due_at=T + 100)
    (again,) = await store.reminders.claim("me", now=T + 101, limit=10)
    assert (again.key, again.attempts) == (found.key, 1)
    await store.reminders.done(found.key)
    assert await store.reminders.next_due(after=0) is None


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (event("cancel_reminder", name="a", intent=None, entities=None), ["b", "c"]),
        (event("cancel_reminder", name=None, intent="other", entities=None), ["a", "b"]),
        (event("cancel_reminder", name=None, intent=None, entities={"x": 1}), ["a", "c"]),
        (event("cancel_reminder", name="a", intent="other", entities=None), ["a", "b", "c"]),
        (event("cancel_reminder", name=None, intent=None, entities=None), []),
        (event("restart"), []),
        (event("session_started"), []),
        (reminder("a"), ["a", "b", "c"]),
        (reminder("a", intent="other"), ["a", "a", "b", "c"]),
    ],
)
async def test_what_cancels_a_reminder(store: Store, after: Event, left: list[str]) -> None:
    await happen(store, "u", reminder("a"), reminder("b", entities={"x": 1}))
    await happen(store, "u", reminder("c", intent="other"))
    await happen(store, "other", reminder("z", 1e9))
    await happen(store, "u", after)
    assert sorted(await names(store, "me")) == left
    assert await store.reminders.next_due(after=T) is not None  # of the other visitor


async def test_a_turn_that_was_there_before_sets_no_reminder(store: Store) -> None:
    await happen(store, "u", reminder("a"), external_id="m")
    await happen(store, "u", reminder("b"), external_id="m")
    assert await names(store, "me") == ["a"]


async def test_the_last_but_one_snapshot_is_used(store: Store) -> None:
    async def save(seq: int, fingerprint: str = "f", sender: str = "u") -> None:
        await store.snapshots.save("rest", sender, fingerprint, seq=seq, data={"seq": seq})

    assert await store.snapshots.load("rest", "u", "f") is None
    await save(1000)
    assert await store.snapshots.load("rest", "u", "f") is None
    await save(2000)
    await save(2000)
    await save(5, sender="other")
    assert await store.snapshots.load("rest", "u", "f") == (1000, {"seq": 1000})
    await save(3000)
    assert await store.snapshots.load("rest", "u", "f") == (2000, {"seq": 2000})
    await save(4000, "g")
    assert await store.snapshots.load("rest", "u", "f") is None
    assert await store.snapshots.load("rest", "u", "g") is None


async def test_events_can_be_read_from_the_first_one(store: Store) -> None:
    await happen(store, "u", *(event("slot", name="a", value=n) for n in range(5)))
    first = await store.events_after("rest", "u", limit=2, from_start=True)
    assert [one.event.data["value"] for one in first] == [0, 1]
    more = await store.events_after("rest", "u", after=first[-1].seq, limit=9, from_start=True)
    assert [one.event.data["value"] for one in more] == [2, 3, 4]
