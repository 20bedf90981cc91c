"""From a vendor's request to its reply, over HTTP: once, in order, whatever happens on the way."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.domain import Message
from bot.gateway.upkeep import REMEMBER_S
from bot.records import Backlog, Delivered
from bot.stress import ledger
from bot.stress.echo import EchoEngine
from bot.stress.ledger import Arrival
from bot.web.keys import GATEWAY
from tests.unit.bot.gateway_app import WITHIN_S, Running, running, until


async def settled(it: Running) -> None:
    """Wait until nothing is in hand."""
    gateway = it.app[GATEWAY]
    await until(lambda: not len(gateway.intake) and not len(gateway.sender))


async def test_a_message_is_answered_through_its_channel(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.send("telegram", "1", 7, "where is it? 在哪里") == 200
        await until(lambda: it.book.texts("telegram") == ["where is it? 在哪里"])
        await settled(it)
        (sent,) = await it.parts.store.journal.pieces(Delivered.SENT)
        assert sent.turn_id is not None
        turn = await it.parts.store.turn(sent.turn_id)
        assert turn is not None
        assert turn.replies[0].text == "re: where is it? 在哪里"
        assert await it.parts.store.journal.backlog() == Backlog()


async def test_what_is_said_unasked_goes_where_the_visitor_wrote_from(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        await it.send("telegram", "1", 7, "hello")
        await settled(it)
        (sent,) = await it.parts.store.journal.pieces(Delivered.SENT)
        note = Message(
            id=uuid.uuid4().hex,
            channel="telegram",
            sender=sent.lane,
            text="reminder",
            received_at=datetime.now(UTC),
        )
        courier, store = it.parts.engine.unasked, it.parts.store
        assert courier is not None
        conversation, _ = await store.open_turn(note)
        reply = await it.parts.engine.reply(note, conversation, it.parts.box.brain)
        pieces = await courier.pieces(note, reply)
        turn = await store.close_turn(conversation, note, reply, [], pieces)
        courier.stored(note, turn, pieces)
        await settled(it)
        assert it.book.texts("telegram") == ["hello", "reminder"]


async def test_a_stranger_has_no_address(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        assert await it.parts.store.journal.address_of("telegram", "nobody") is None


async def test_the_vendor_hears_yes_only_after_the_message_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path, takes_s=5.0) as it:
        assert await it.send("webhook", "1", 1, "slow") == 202
        assert (await it.parts.store.journal.backlog()).messages == 1
        assert it.book.taken == []


async def test_a_storm_of_repeats_is_answered_once_each_and_in_order(tmp_path: Path) -> None:
    """R8, in small: each of 200 events comes 1 to 4 times, concurrently."""
    chance = random.Random(8)  # noqa: S311 - repeatable
    async with running(tmp_path) as it:
        for place in range(10):
            batch = [n for n in range(20) for _ in range(chance.randint(1, 4))]
            chance.shuffle(batch)
            found = await asyncio.gather(
                *(it.send("webhook", str(n), 100 * n + place, f"{n}#{place}") for n in batch)
            )
            assert set(found) == {202}
        await settled(it)
        counts = it.book.counts("webhook")
        assert len(counts) == 200
        assert set(counts.values()) == {1}
        for n in range(20):
            mine = [text for text in it.book.texts("webhook") if text.startswith(f"{n}#")]
            assert mine == [f"{n}#{place}" for place in range(10)]


async def test_a_repeat_is_known_for_a_week(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        journal = it.parts.store.journal
        await it.send("webhook", "1", 1, "hello")
        await settled(it)
        await it.send("webhook", "1", 2, "the conversation moves on")
        await settled(it)
        now = time.time()
        for later_s in (7 * 3600, 6.9 * 86_400):
            await journal.purge(before=now + later_s - REMEMBER_S)
            assert await it.send("webhook", "1", 1, "hello") == 202
            await settled(it)
        assert it.book.counts("webhook") == {"hello": 1, "the conversation moves on": 1}


async def test_messages_left_by_a_dead_process_are_answered_by_the_next(tmp_path: Path) -> None:
    async with ledger.vendor() as book:
        async with running(tmp_path, book=book, takes_s=60.0) as it:
            for place in range(3):
                await it.send("webhook", "1", place, f"1#{place}")
            await it.send("telegram", "2", 9, "2#0")
        assert book.taken == []
        async with running(tmp_path, book=book) as it:
            await until(lambda: len(book.taken) == 4)
            await settled(it)
        assert book.texts("webhook") == ["1#0", "1#1", "1#2"]
        assert book.texts("telegram") == ["2#0"]


async def test_replies_left_by_a_dead_process_are_sent_by_the_next(tmp_path: Path) -> None:
    async with ledger.vendor() as book:
        book.behaviour = lambda _: web.Response(status=500)
        async with running(tmp_path, book=book) as it:
            await it.send("webhook", "1", 1, "hello")
            await until(lambda: bool(book.refused))
        book.behaviour = lambda _: None
        async with running(tmp_path, book=book) as it:
            await until(lambda: book.texts("webhook") == ["hello"])


async def test_a_vendor_that_refuses_for_good_leaves_a_dead_letter_that_can_be_replayed(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        it.book.behaviour = lambda _: web.Response(status=410)
        await it.send("webhook", "1", 1, "hello")
        await settled(it)
        (dead,) = await it.parts.store.journal.pieces(Delivered.DEAD)
        assert "410" in dead.error
        it.book.behaviour = lambda _: None
        assert await it.parts.store.journal.replay([dead.key], now=time.time()) == 1
        await until(lambda: it.book.texts("webhook") == ["hello"])


async def test_a_vendors_retry_after_is_kept_to_and_its_budget_is_used(tmp_path: Path) -> None:
    """R7, in small: one message per 0.2 s and chat, else 429."""
    wait_s, last = 0.2, {"at": 0.0, "refused": 0.0}
    too_early: list[float] = []

    def limited(arrival: Arrival) -> web.Response | None:
        now = time.monotonic()
        if now < last["refused"]:
            too_early.append(last["refused"] - now)
        if now - last["at"] < wait_s:
            last["refused"] = last["at"] + wait_s
            after = f"{last['refused'] - now:.4f}"
            return web.json_response({"ok": False}, status=429, headers={"Retry-After": after})
        last["at"] = now
        return None

    async with running(tmp_path) as it:
        it.book.behaviour = limited
        for place in range(6):
            await it.send("telegram", "1", place, f"1#{place}")
        await settled(it)
        assert it.book.texts("telegram") == [f"1#{place}" for place in range(6)]
        assert [late for late in too_early if late > 0.002] == []


async def test_a_broken_vendor_does_not_slow_another(tmp_path: Path) -> None:
    """R6, in small: one vendor hangs, the other gets all its replies meanwhile."""
    async with ledger.vendor() as slow, running(tmp_path) as it:
        slow.hangs_s = 30.0
        channel = it.app[GATEWAY].channels["webhook"]
        channel._url = f"{slow.url}/webhook"  # type: ignore[attr-defined]
        for n in range(50):
            await it.send("webhook", str(n), n, f"{n}#0")
        for n in range(50):
            await it.send("telegram", str(n), n, f"{n}#0")
        await until(lambda: len(it.book.texts("telegram")) == 50)
        assert slow.taken == []


async def test_a_handoff_is_an_outcome_like_any_other(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        status, said = await it.post("/webhooks/rest/webhook", {"message": "/handoff please"})
        assert (status, said[0]["text"]) == (200, "re: /handoff please")


async def test_a_caller_that_repeats_joins_the_running_computation(tmp_path: Path) -> None:
    async with running(tmp_path, takes_s=0.2) as it:
        before = EchoEngine.calls
        body = {"sender": "u", "message": "hello", "message_id": "m1"}
        found = await asyncio.gather(*(it.post("/webhooks/rest/webhook", body) for _ in range(5)))
        assert found == [(200, [{"recipient_id": "u", "text": "re: hello"}])] * 5
        assert EchoEngine.calls == before + 1


async def test_a_caller_who_waits_too_long_gets_his_answer_with_the_next_try(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, takes_s=0.3, limits={"answer_within_s": 0.05}) as it:
        body = {"sender": "u", "message": "hello", "message_id": "m1"}
        status, said = await it.post("/webhooks/rest/webhook", body)
        assert status == 503
        assert "same id" in said["help"]
        await settled(it)
        assert await it.post("/webhooks/rest/webhook", body) == (
            200,
            [{"recipient_id": "u", "text": "re: hello"}],
        )


class Failing(EchoEngine):
    """Has a defect for some texts."""

    attempts = 0

    async def reply(self, message: Message, *others: Any) -> Any:  # noqa: ANN401
        if message.text == "poison":
            type(self).attempts += 1
            raise KeyError(message.text)
        return await super().reply(message, *others)


async def test_who_waits_when_the_server_stops_is_asked_to_come_again(tmp_path: Path) -> None:
    body = {"sender": "1", "message": "hello", "message_id": "m1"}
    async with running(tmp_path, takes_s=60.0) as it:
        asking = asyncio.create_task(it.post("/webhooks/rest/webhook", body))
        await until(lambda: len(it.app[GATEWAY].intake) == 1)
        it.app[GATEWAY].intake.dismiss()
        status, answer = await asking
        assert (status, answer["message"]) == (503, "Frontdesk is being stopped.")
    async with running(tmp_path) as it:
        status, answer = await it.post("/webhooks/rest/webhook", body)
        assert (status, [part["text"] for part in answer]) == (200, ["re: hello"])


async def test_what_is_not_due_yet_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        it.book.behaviour = lambda _one: web.Response(status=429, headers={"Retry-After": "60"})
        await it.send("webhook", "1", 1, "hello")
        await until(lambda: len(it.book.refused) == 1)
        sender = it.app[GATEWAY].sender
        assert len(sender) == 1
        sender.close()
        assert await sender.drain(WITHIN_S)
        assert len(await it.parts.store.journal.pieces(Delivered.WAITING)) == 1


async def test_a_message_that_meets_a_defect_is_given_up_and_its_siblings_are_not(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        it.engine.__class__ = Failing
        Failing.attempts = 0
        await it.send("webhook", "1", 1, "poison")
        await it.send("webhook", "1", 2, "hello")
        await until(lambda: it.book.texts("webhook") == ["hello"])
        await settled(it)
        assert Failing.attempts == 3
        assert await it.parts.store.journal.backlog() == Backlog(failed_messages=1)


async def test_a_defect_is_a_500_and_nothing_remains_of_an_unnumbered_message(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as it:
        it.engine.__class__ = Failing
        status, said = await it.post("/webhooks/rest/webhook", {"message": "poison"})
        assert status == 500
        assert "KeyError" not in str(said)


async def test_a_full_disk_is_a_503_and_passes_by_itself(tmp_path: Path) -> None:
    """R3, with SQLite's own limit in the place of a small disk."""

    def pages(most: int) -> Any:  # noqa: ANN401
        return lambda on: on.exec_driver_sql(f"PRAGMA max_page_count={most}").scalar()

    async with running(tmp_path) as it:
        store: Any = it.parts.store
        await store._do(store._writer, pages(1))
        statuses = []
        for n in range(200):
            statuses.append(await it.send("webhook", str(n), n, f"{n}#0 {'long ' * 300}"))
            if statuses[-1] == 503:
                break
        assert statuses[-1] == 503
        assert (await it.http.get(f"{it.url}/healthz")).status == 200
        assert (await it.http.get(f"{it.url}/readyz")).status in (200, 503)
        await store._do(store._writer, pages(1_000_000))
        assert await it.send("webhook", "x", 999, "again") == 202
        acknowledged = statuses.count(202) + 1
        await until(lambda: len(it.book.texts("webhook")) == acknowledged)


async def test_more_messages_than_may_wait_are_refused_before_they_are_stored(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, takes_s=60.0, limits={"max_backlog": 3}) as it:
        found = [await it.send("webhook", str(n), n, "hello") for n in range(5)]
        assert found == [202, 202, 202, 503, 503]
        assert (await it.parts.store.journal.backlog()).messages == 3


async def test_integrators_are_told_what_happens_signed_and_once(tmp_path: Path) -> None:
    async with ledger.vendor() as book:
        events = {"crm": {"url": f"{book.url}/events", "secrets": [ledger_secret()]}}
        async with running(tmp_path, book=book, events=events) as it:
            await it.send("telegram", "1", 1, "/handoff")
            await it.send("telegram", "1", 1, "/handoff")
            await it.post("/webhooks/rest/webhook", {"message": "hello"})
            await settled(it)
            kinds = [text.partition(" ")[2] for text in book.texts("events")]
            assert sorted(kinds) == [
                "conversation.handed_over",
                "message.received",
                "message.received",
                "message.replied",
                "message.replied",
            ]
            assert set(book.counts("events").values()) == {1}


def ledger_secret() -> str:
    return "whsec_" + "A" * 32


@pytest.mark.parametrize("name", ["rest", "nobody", "..", "webhook%00"])
async def test_a_channel_that_is_not_there_is_a_404(tmp_path: Path, name: str) -> None:
    async with (
        running(tmp_path) as it,
        it.http.post(f"{it.url}/webhooks/{name}/webhooks", data=b"{}") as answer,
    ):
        assert answer.status == 404


async def test_a_wrong_address_or_method_says_where_to_look(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        async with it.http.get(f"{it.url}/v1/nowhere") as answer:
            assert answer.status == 404
            assert "/openapi.json" in (await answer.json())["error"]["hint"]
        async with it.http.get(f"{it.url}/v1/sessions") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
            assert (await answer.json())["error"]["hint"] == "Allowed here: POST."
