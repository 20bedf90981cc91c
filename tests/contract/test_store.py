"""What every store must do (`bot.ports.Store`), on real databases.

Run as a program it writes turns for ever: `python test_store.py URL` (see the kill -9 test).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import errors, reasons
from bot.domain import (
    BotMessage,
    Button,
    Conversation,
    Decision,
    Event,
    Feedback,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Thresholds,
    Turn,
    Understanding,
    Verdict,
    Versions,
)
from bot.ports import Store
from bot.records import Delivered, Parcel
from bot.store import open_store

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BUTTONS = (
    Button(title="Track a parcel", payload="/answer{track}"),
    Button(title="退货", payload="/r"),
)


def message(
    text: str = "where is my parcel?",
    *,
    channel: str = "rest",
    sender: str = "u1",
    external_id: str | None = None,
) -> Message:
    return Message(
        id=uuid.uuid4().hex,
        channel=channel,
        sender=sender,
        text=text,
        external_id=external_id,
        received_at=NOON,
    )


def reply(outcome: Outcome = Outcome.ANSWER, text: str = "It is on its way.") -> Reply:
    thresholds = Thresholds(answer=0.7, clarify=0.3, rule=0.8)
    versions = Versions(classifier="c", encoder="e", knowledge="k")
    return Reply(
        messages=(BotMessage(text=text, buttons=BUTTONS),),
        decision=Decision(
            outcome=outcome,
            reason=Reason.CONFIDENT,
            thresholds=thresholds,
            actions=("action_answer",),
        ),
        understanding=Understanding(
            language=Language.EN,
            prediction=None,
            candidates=(),
            confidence=0.9,
            versions=versions,
        ),
    )


def user_event(said: Message) -> Event:
    data = {"text": said.text, "metadata": {"order": 2**70}, "input_channel": said.channel}
    return Event(name="user", timestamp=NOON.timestamp(), data=data)


def bot_event(said: BotMessage) -> Event:
    buttons = [{"title": one.title, "payload": one.payload} for one in said.buttons]
    data = {"text": said.text, "data": {"buttons": buttons}, "metadata": {}}
    return Event(name="bot", timestamp=NOON.timestamp() + 0.5, data=data)


def slot(name: str, value: object) -> Event:
    return Event(name="slot", timestamp=NOON.timestamp(), data={"name": name, "value": value})


async def say(
    store: Store, said: Message, answer: Reply | None = None, *more: Event
) -> tuple[Conversation, Turn]:
    """One whole turn as the engine does it."""
    answer = answer or reply()
    conversation, earlier = await store.open_turn(said)
    if earlier is not None:
        return conversation, earlier
    events = [user_event(said), *more, *(bot_event(one) for one in answer.messages)]
    return conversation, await store.close_turn(conversation, said, answer, events)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = open_store(url)
    yield opened
    await opened.close()


async def test_first_message_makes_a_conversation_that_only_close_turn_stores(
    store: Store,
) -> None:
    said = message()
    first, earlier = await store.open_turn(said)
    assert (first.channel, first.sender, first.is_new, first.slots) == ("rest", "u1", True, {})
    assert earlier is None
    assert len(first.id) == 32
    second, _ = await store.open_turn(said)
    assert second.is_new
    assert second.id != first.id
    await say(store, said)
    third, _ = await store.open_turn(message())
    assert not third.is_new


async def test_turn_is_kept_whole(store: Store) -> None:
    said = message("我想退货 🙂")
    conversation, turn = await say(store, said, reply(text="好的"), slot("topic", "退货"))
    assert turn.id == turn.message_id == said.id
    assert turn.conversation_id == conversation.id
    assert turn.replies == (BotMessage(text="好的", buttons=BUTTONS),)
    assert turn.outcome is Outcome.ANSWER
    assert turn.reasons == reasons.explain(reply())
    assert turn.reasons["reason"] == "confident"
    assert [item.event.name for item in turn.events] == ["user", "slot", "bot"]
    assert turn.events[0].event == user_event(said)
    assert [item.seq for item in turn.events] == [1, 2, 3]
    assert await store.turn(said.id) == turn


async def test_unknown_turn_is_none(store: Store) -> None:
    assert await store.turn("0" * 32) is None


async def test_turn_without_events_is_kept(store: Store) -> None:
    said = message()
    conversation, _ = await store.open_turn(said)
    turn = await store.close_turn(conversation, said, reply(Outcome.HANDOFF), [])
    assert (turn.replies, turn.events, turn.outcome) == ((), (), Outcome.HANDOFF)
    assert await store.turn(said.id) == turn


async def test_repeated_message_gets_the_same_turn_and_writes_nothing(store: Store) -> None:
    _, first = await say(store, message(external_id="m-1"), reply(text="first"))
    before = await store.events_after("rest", "u1")
    conversation, second = await say(store, message(external_id="m-1"), reply(text="second"))
    assert second == first
    assert conversation.id == first.conversation_id
    assert await store.events_after("rest", "u1") == before


async def test_repeated_message_of_another_conversation_is_another(store: Store) -> None:
    _, first = await say(store, message(sender="u1", external_id="m-1"))
    _, second = await say(store, message(sender="u2", external_id="m-1"))
    assert first.id != second.id


async def test_messages_without_external_id_are_never_repeats(store: Store) -> None:
    _, first = await say(store, message())
    _, second = await say(store, message())
    assert first.id != second.id
    assert first.conversation_id == second.conversation_id


async def test_race_for_one_message_has_one_winner(store: Store) -> None:
    twins = [message(external_id="m-1") for _ in range(8)]
    opened = [(await store.open_turn(one))[0] for one in twins]
    assert len({one.id for one in opened}) == 8
    turns = await asyncio.gather(
        *(
            store.close_turn(conversation, said, reply(), [user_event(said)])
            for conversation, said in zip(opened, twins, strict=True)
        )
    )
    assert all(turn == turns[0] for turn in turns)
    assert len(await store.events_after("rest", "u1")) == 1


async def test_race_for_a_new_conversation_joins_it(store: Store) -> None:
    one, two = message("one"), message("two")
    (first, _), (second, _) = await store.open_turn(one), await store.open_turn(two)
    turn_one = await store.close_turn(first, one, reply(), [user_event(one), slot("a", 1)])
    turn_two = await store.close_turn(second, two, reply(), [user_event(two), slot("b", 2)])
    assert turn_one.conversation_id == turn_two.conversation_id == first.id
    conversation, _ = await store.open_turn(message())
    assert conversation.slots == {"a": 1, "b": 2}
    assert len(await store.events_after("rest", "u1")) == 4


async def test_two_processes_see_one_another(store: Store, url: str) -> None:
    other = open_store(url)
    said = message(external_id="m-1")
    _, turn = await say(other, said)
    _, earlier = await store.open_turn(message(external_id="m-1"))
    assert earlier == turn
    await other.close()


async def test_same_sender_on_two_channels_are_two_conversations(store: Store) -> None:
    await say(store, message("hello", channel="rest"), None, slot("a", 1))
    await say(store, message("hi", channel="widget"))
    rest, widget = await store.events_after("rest", "u1"), await store.events_after("widget", "u1")
    assert [item.event.data.get("text") for item in rest if item.event.name == "user"] == ["hello"]
    assert [item.event.data.get("text") for item in widget if item.event.name == "user"] == ["hi"]
    conversation, _ = await store.open_turn(message(channel="widget"))
    assert conversation.slots == {}


async def test_events_after_pages_through_a_conversation(store: Store) -> None:
    for number in range(5):
        await say(store, message(f"question {number}"))
        await say(store, message("noise", sender="u2"))
    every = await store.events_after("rest", "u1")
    seqs = [item.seq for item in every]
    assert len(seqs) == 10
    assert seqs == sorted(seqs)
    assert await store.events_after("rest", "u1", limit=3) == every[-3:]
    assert await store.events_after("rest", "u1", after=seqs[1], limit=3) == every[2:5]
    assert await store.events_after("rest", "u1", after=seqs[-1]) == []
    assert await store.events_after("rest", "u1", after=-1) == every
    assert await store.events_after("rest", "u1", after=2**80) == []
    assert await store.events_after("rest", "nobody") == []


@pytest.mark.parametrize("limit", [0, -1])
async def test_events_after_refuses_a_limit_that_is_none(store: Store, limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit must be 1 or more, not {limit}"):
        await store.events_after("rest", "u1", limit=limit)


async def test_slots_are_folded(store: Store) -> None:
    await say(store, message(), None, slot("order", "A-1"), slot("lang", "en"))
    await say(store, message(), None, slot("order", "A-2"), slot("list", [1, {"x": None}]))
    conversation, _ = await store.open_turn(message())
    assert conversation.slots == {"order": "A-2", "lang": "en", "list": [1, {"x": None}]}
    await say(store, message(), None, Event(name="restart", timestamp=1.0), slot("lang", None))
    conversation, _ = await store.open_turn(message())
    assert conversation.slots == {"lang": None}


async def test_failures_in_a_row_are_counted_from_the_last_turns(store: Store) -> None:
    counts = []
    for outcome in (
        Outcome.REFUSE,
        Outcome.CLARIFY,
        Outcome.ANSWER,
        Outcome.CLARIFY,
        Outcome.HANDOFF,
        *[Outcome.REFUSE] * 6,
    ):
        conversation, _ = await say(store, message(), reply(outcome))
        counts.append(conversation.failures_in_a_row)
    assert counts == [0, 1, 2, 0, 1, 0, 1, 2, 3, 4, 5]


async def test_text_that_cannot_be_stored_is_a_store_error_for_its_turn_alone(
    store: Store,
) -> None:
    bad, good = message("\ud800", sender="u1"), message(sender="u2")
    results = await asyncio.gather(say(store, bad), say(store, good), return_exceptions=True)
    assert isinstance(results[0], errors.StoreError)
    assert await store.turn(bad.id) is None
    assert await store.events_after("rest", "u1") == []
    assert await store.turn(good.id) is not None


async def test_many_turns_at_once_share_commits(store: Store, url: str) -> None:
    """In SQLite. In PostgreSQL two servers would wait for each other's locks (decision 0042)."""
    commits: list[object] = []

    def count(connection: sa.Connection) -> None:
        commits.append(connection)

    sa.event.listen(sa.Engine, "commit", count)
    try:
        said = [message(sender=f"u{number}") for number in range(200)]
        opened = [(await store.open_turn(one))[0] for one in said]
        commits.clear()
        turns = await asyncio.gather(
            *(
                store.close_turn(conversation, one, reply(), [user_event(one)])
                for conversation, one in zip(opened, said, strict=True)
            )
        )
    finally:
        sa.event.remove(sa.Engine, "commit", count)
    assert [turn.id for turn in turns] == [one.id for one in said]
    if url.startswith("postgresql"):
        assert len(commits) == 200
    else:
        assert 1 <= len(commits) < 200


async def test_cancelled_caller_disturbs_nobody(store: Store) -> None:
    said = [message(sender=f"u{number}") for number in range(20)]
    tasks = [asyncio.create_task(say(store, one)) for one in said]
    await asyncio.sleep(0.001)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [one for one in done[1::2] if isinstance(one, BaseException)]
    for one in said:
        turn = await store.turn(one.id)
        assert turn is None or len(turn.events) == 2
    await say(store, message("goes on"))


async def test_close_finishes_what_is_under_way(url: str) -> None:
    store = open_store(url)
    said = [message(sender=f"u{number}") for number in range(50)]
    opened = [(await store.open_turn(one))[0] for one in said]
    tasks = [
        asyncio.create_task(store.close_turn(conversation, one, reply(), [user_event(one)]))
        for conversation, one in zip(opened, said, strict=True)
    ]
    await asyncio.sleep(0)
    await store.close()
    turns = await asyncio.gather(*tasks)
    await store.close()
    with pytest.raises(errors.StoreError, match="The store is closed"):
        await store.ping()
    again = open_store(url)
    assert [await again.turn(one.id) for one in said] == turns
    await again.close()


def told_of(turn_id: str) -> Parcel:
    return Parcel(
        key=str(uuid.uuid4()),
        channel="events:crm",
        lane="u1",
        turn_id=turn_id,
        piece={"type": "feedback.given"},
        address={},
        due_at=0.0,
        created_at=NOON.timestamp(),
    )


def opinion(turn_id: str, verdict: Verdict, comment: str = "") -> Feedback:
    return Feedback(
        turn_id=turn_id,
        channel="rest",
        sender="u1",
        verdict=verdict,
        comment=comment,
        given_at=NOON,
    )


async def test_the_last_word_on_a_turn_is_kept_and_told_when_it_is_new(store: Store) -> None:
    _, turn = await say(store, message())
    assert await store.feedback_on(turn.id) is None
    steps = [
        (Verdict.HELPFUL, "", True),
        (Verdict.HELPFUL, "", False),
        (Verdict.HELPFUL, "谢谢", True),
        (Verdict.NOT_HELPFUL, "谢谢", True),
        (Verdict.HELPFUL, "", True),
    ]
    for verdict, comment, is_new in steps:
        given = opinion(turn.id, verdict, comment)
        assert await store.give_feedback(given, [told_of(turn.id)]) is is_new
        assert await store.feedback_on(turn.id) == (verdict.value, comment)
    waiting = await store.journal.pieces(Delivered.WAITING)
    assert len([one for one in waiting if one.turn_id == turn.id]) == 4


async def test_only_the_bots_words_to_this_visitor_have_a_turn(store: Store) -> None:
    _, turn = await say(store, message())
    said = {stored.event.name: stored.seq for stored in turn.events}
    assert await store.turn_of("rest", "u1", said["bot"]) == turn.id
    for channel, sender, seq in (
        ("rest", "u2", said["bot"]),
        ("widget", "u1", said["bot"]),
        ("rest", "u1", said["user"]),
        ("rest", "u1", said["bot"] + 1000),
        ("rest", "u1", 0),
        ("rest", "u1", -1),
        ("rest", "u1", 2**70),
    ):
        assert await store.turn_of(channel, sender, seq) is None


async def test_ping(store: Store) -> None:
    await store.ping()


async def test_history_outlives_the_process(url: str) -> None:
    store = open_store(url)
    _, turn = await say(store, message(), None, slot("a", 1))
    await store.close()
    store = open_store(url)
    conversation, _ = await store.open_turn(message())
    assert (conversation.is_new, conversation.slots) == (False, {"a": 1})
    assert await store.turn(turn.id) == turn
    await store.close()


async def test_kill_9_loses_no_acknowledged_turn(url: str) -> None:
    acknowledged: list[str] = []
    for wait_for in (1, 30, 100):
        acknowledged += _killed_after(url, wait_for)
    assert len(acknowledged) >= 131
    store = open_store(url)
    for turn_id in acknowledged:
        turn = await store.turn(turn_id)
        assert turn is not None
        assert [item.event.name for item in turn.events] == ["user", "bot"]
        assert turn.replies == reply(text=turn_id).messages
    await store.close()
    _check_integrity(url)


def _killed_after(url: str, turns: int) -> list[str]:
    """Let a process write until it acknowledged so many turns, kill it; all it acknowledged."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, url], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(turns)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in lines if line.endswith("\n")]


def _check_integrity(url: str) -> None:
    """No half turn, no broken page: read with the plain driver."""
    driver = url.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(driver, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        half = connection.exec_driver_sql(
            "SELECT t.id FROM turns t LEFT JOIN events e ON e.turn_id = t.id"
            " GROUP BY t.id HAVING count(e.seq) != 2"
        )
        assert half.all() == []


async def _write_for_ever(url: str) -> None:
    store = open_store(url)

    async def client(sender: str) -> None:
        while True:
            said = message(sender=sender)
            await say(store, said, reply(text=said.id))
            sys.stdout.write(said.id + "\n")
            sys.stdout.flush()

    await asyncio.gather(*(client(f"u{number}") for number in range(8)))


if __name__ == "__main__":
    asyncio.run(_write_for_ever(sys.argv[1]))
