"""What every journal must do (`bot.ports.Journal`), on real databases."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain import Message
from bot.ports import Journal, Store
from bot.records import Backlog, Delivered, Entry, Incoming, Parcel
from bot.store import open_store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = NOON.timestamp()
ADDRESS = {"chat": 7, "name": "小王 🙂"}


def item(
    key: str | None = None, *, sender: str = "u1", scope: str = "", channel: str = "slack"
) -> Incoming:
    message = Message(
        id=uuid.uuid4().hex,
        channel=channel,
        sender=sender,
        text="退货 please",
        title="Return",
        external_id=key,
        received_at=NOON,
        metadata={"order": 2**70},
    )
    return Incoming(message=message, scope=scope, dedupe_key=key, address=ADDRESS)


def parcel(
    name: str,
    *,
    turn: str | None = None,
    lane: str = "u1",
    channel: str = "slack",
    owner: str | None = "a",
) -> Parcel:
    return Parcel(
        key=name,
        channel=channel,
        lane=lane,
        turn_id=turn,
        piece={"text": name},
        address=ADDRESS,
        due_at=NOW,
        created_at=NOW,
        owner=owner,
    )


async def put(journal: Journal, *parcels: Parcel) -> None:
    """Store pieces as part of a message that is new."""
    said = item()
    told = [Parcel(**{**_fields(one), "turn_id": said.message.id}) for one in parcels]
    await journal.accept([said], owner="z", outgoing=told)


def _fields(one: Parcel) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Parcel.__slots__}


def texts(parcels: Sequence[Parcel]) -> list[str]:
    return [one.piece["text"] for one in parcels]


def ids(entries: Sequence[Entry]) -> list[str]:
    return [entry.message.id for entry in entries]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
def journal(store: Store) -> Journal:
    return store.journal


async def test_a_message_is_kept_whole_and_mine(journal: Journal) -> None:
    said = item("1")
    (entry,) = await journal.accept([said], owner="a")
    assert entry == Entry(
        message=said.message, address=ADDRESS, is_new=True, is_answered=False, is_mine=True
    )
    await journal.leave("a")
    (claimed,), _ = await journal.claim("b", now=NOW, limit=10)
    assert claimed.message == said.message
    assert claimed.address == ADDRESS


async def test_a_repeated_message_gives_the_first_one_and_is_counted(journal: Journal) -> None:
    first, second = item("1"), item("1")
    await journal.accept([first], owner="a")
    (entry,) = await journal.accept([second], owner="a")
    assert entry.message.id == first.message.id
    assert (entry.is_new, entry.is_answered, entry.is_mine, entry.deliveries) == (
        False,
        False,
        True,
        2,
    )


async def test_repeats_within_one_batch_and_at_once_are_one(journal: Journal) -> None:
    batch = [item("1"), item("1"), item("2")]
    found = await asyncio.gather(*(journal.accept(batch, owner="a") for _ in range(5)))
    assert len({one for entries in found for one in ids(entries)}) == 2
    assert sum(entry.is_new for entries in found for entry in entries) == 2


async def test_keys_are_unique_within_channel_and_account_only(journal: Journal) -> None:
    entries = await journal.accept(
        [item("1"), item("1", scope="page 2"), item("1", channel="line")], owner="a"
    )
    assert [entry.is_new for entry in entries] == [True, True, True]


async def test_messages_without_a_key_are_all_new(journal: Journal) -> None:
    entries = await journal.accept([item(), item()], owner="a")
    assert [entry.is_new for entry in entries] == [True, True]


async def test_a_conversation_belongs_to_one_process(journal: Journal) -> None:
    await journal.beat("a", until=NOW + 10)
    await journal.beat("b", until=NOW + 10)
    await journal.accept([item("1")], owner="a")
    second = item("2")
    (entry,) = await journal.accept([second], owner="b")
    assert entry.is_new
    assert not entry.is_mine
    assert await journal.claim("b", now=NOW, limit=10) == ([], [])
    claimed, _ = await journal.claim("a", now=NOW, limit=10)
    assert ids(claimed) == [second.message.id]


async def test_what_a_dead_process_has_left_is_claimed_whole_and_in_order(
    journal: Journal,
) -> None:
    await journal.beat("a", until=NOW + 5)
    batch = [item(str(number), sender=f"u{number % 3}") for number in range(9)]
    await journal.accept(batch, owner="a")
    assert await journal.claim("b", now=NOW + 4, limit=100) == ([], [])
    claimed, _ = await journal.claim("b", now=NOW + 6, limit=100)
    assert ids(claimed) == [one.message.id for one in batch]
    assert all(entry.is_mine for entry in claimed)
    await journal.beat("b", until=NOW + 60)
    assert await journal.claim("c", now=NOW + 7, limit=100) == ([], [])


async def test_a_limit_takes_whole_conversations(journal: Journal) -> None:
    await journal.accept([item("1"), item("2"), item("3", sender="u2")], owner="gone")
    claimed, _ = await journal.claim("b", now=NOW, limit=1)
    assert [entry.message.sender for entry in claimed] == ["u1", "u1"]


async def test_only_one_of_many_claims(journal: Journal) -> None:
    await journal.accept([item(str(n), sender=f"u{n}") for n in range(20)], owner="gone")
    for name in "abcd":
        await journal.beat(name, until=NOW + 60)
    found = await asyncio.gather(*(journal.claim(name, now=NOW, limit=20) for name in "abcd"))
    assert len([one for entries, _ in found for one in ids(entries)]) == 20


async def test_a_forgotten_message_may_come_again(journal: Journal) -> None:
    first, second = item("1"), item("1")
    await journal.accept([first], owner="a")
    await journal.forget(first.message.id)
    (entry,) = await journal.accept([second], owner="a")
    assert entry.is_new


async def test_a_message_that_fails_for_good_is_counted_and_revived(journal: Journal) -> None:
    said = item("1")
    await journal.accept([said], owner="a")
    await journal.fail(said.message.id, "KeyError", is_last=False)
    assert (await journal.backlog()).messages == 1
    await journal.fail(said.message.id, "KeyError", is_last=True)
    assert await journal.backlog() == Backlog(failed_messages=1)
    assert await journal.claim("b", now=NOW, limit=10) == ([], [])
    assert await journal.replay(None, now=NOW) == 1
    (entry,), _ = await journal.claim("b", now=NOW, limit=10)
    assert entry.message.id == said.message.id
    assert entry.attempts == 0


async def test_what_a_channel_remembers_is_stored_with_its_messages(journal: Journal) -> None:
    assert await journal.state_of("kf") == {}
    await journal.accept([item("1")], owner="a", remember=("kf", {"cursor": "游标"}))
    await journal.accept([], owner="a", remember=("kf", {"cursor": "2"}))
    assert await journal.state_of("kf") == {"cursor": "2"}


async def test_pieces_of_repeated_messages_are_not_added(journal: Journal) -> None:
    first, second = item("1"), item("1")
    for said in (first, second):
        told = parcel(f"of {said.message.id}", turn=said.message.id)
        await journal.accept([said], owner="a", outgoing=[told])
    assert texts(await journal.pieces(Delivered.WAITING)) == [f"of {first.message.id}"]


async def test_a_piece_is_sent_once(journal: Journal) -> None:
    await put(journal, parcel("k"))
    assert await journal.start("k", owner="a")
    assert not await journal.start("k", owner="a")
    await journal.finish("k")
    assert not await journal.start("k", owner="a")
    assert texts(await journal.pieces(Delivered.SENT)) == ["k"]


async def test_only_its_owner_sends_a_piece(journal: Journal) -> None:
    await put(journal, parcel("k"))
    assert not await journal.start("k", owner="b")


async def test_a_piece_found_in_the_middle_of_sending_is_uncertain(journal: Journal) -> None:
    await put(journal, parcel("k"), parcel("l"))
    await journal.start("k", owner="a")
    _, claimed = await journal.claim("b", now=NOW, limit=10)
    assert [(one.key, one.is_uncertain) for one in claimed] == [("k", True), ("l", False)]
    await journal.finish("k")
    (sent,) = await journal.pieces(Delivered.SENT)
    assert sent.is_uncertain


async def test_signing_out_frees_what_was_not_begun(journal: Journal) -> None:
    await journal.beat("a", until=NOW + 60)
    await put(journal, parcel("k"), parcel("l", lane="u2"))
    await journal.start("k", owner="a")
    await journal.leave("a")
    _, claimed = await journal.claim("b", now=NOW, limit=10)
    assert [(one.key, one.is_uncertain) for one in claimed] == [("k", True), ("l", False)]


async def test_a_lane_belongs_to_one_process_and_keeps_its_order(journal: Journal) -> None:
    await journal.beat("a", until=NOW + 60)
    await put(journal, parcel("1"), parcel("2", owner=None), parcel("3", lane="u2", owner=None))
    _, claimed = await journal.claim("b", now=NOW, limit=10)
    assert texts(claimed) == ["3"]
    _, claimed = await journal.claim("b", now=NOW + 61, limit=10)
    assert texts(claimed) == ["1", "2"]


async def test_a_postponed_piece_remembers_why_and_when(journal: Journal) -> None:
    await put(journal, parcel("k"))
    await journal.start("k", owner="a")
    await journal.postpone("k", due_at=NOW + 30, attempts=2, error="HTTP 429")
    (found,) = await journal.pieces(Delivered.WAITING)
    assert (found.due_at, found.attempts, found.error) == (NOW + 30, 2, "HTTP 429")
    assert await journal.start("k", owner="a")


async def test_dead_letters_are_listed_and_replayed(journal: Journal) -> None:
    await put(journal, parcel("k"), parcel("l"), parcel("m"))
    for key in "klm":
        await journal.bury(key, attempts=20, error="HTTP 400")
    assert texts(await journal.pieces(Delivered.DEAD)) == ["m", "l", "k"]
    assert await journal.replay(["k", "nothing"], now=NOW + 5) == 1
    _, claimed = await journal.claim("b", now=NOW + 5, limit=10)
    assert [(one.key, one.attempts, one.due_at) for one in claimed] == [("k", 0, NOW + 5)]
    assert (await journal.backlog()).dead_parcels == 2
    assert await journal.replay(None, now=NOW) == 2


async def test_pieces_taken_into_the_response_are_not_sent(journal: Journal) -> None:
    said = item("1")
    pieces = [parcel("k", turn=said.message.id), parcel("l", turn=said.message.id)]
    await journal.accept([said], owner="a", outgoing=pieces)
    assert await journal.take("slack", said.message.id)
    assert await journal.take("slack", said.message.id), "the same answer may be said again"
    assert not await journal.start("k", owner="a")
    assert not await journal.take("slack", "no such turn")


async def test_pieces_of_which_one_is_being_sent_are_not_taken(journal: Journal) -> None:
    said = item("1")
    pieces = [parcel("k", turn=said.message.id), parcel("l", turn=said.message.id)]
    await journal.accept([said], owner="a", outgoing=pieces)
    await journal.start("k", owner="a")
    assert not await journal.take("slack", said.message.id)
    await journal.finish("k")
    assert not await journal.take("slack", said.message.id)
    assert await journal.start("l", owner="a")


async def test_the_old_is_forgotten_but_nothing_that_waits(journal: Journal) -> None:
    await put(journal, parcel("sent"), parcel("waiting"))
    await journal.finish("sent")
    assert await journal.purge(before=NOW - 1) == 0
    assert await journal.purge(before=NOW + 1) == 1
    assert await journal.backlog() == Backlog(messages=1, parcels=1)


async def test_what_is_ours_and_in_nobodys_hands_is_found(journal: Journal) -> None:
    said = [item(str(number), sender=f"u{number}") for number in range(4)]
    await journal.accept(said[:3], owner="a", outgoing=[parcel("p1"), parcel("p2")])
    await journal.accept(said[3:], owner="b")
    first = said[0].message.id
    entries, _ = await journal.held("a", but=lambda name: name == first)
    assert ids(entries) == [one.message.id for one in said[1:3]]
    assert await journal.held("a", but=lambda _name: True) == ([], [])
