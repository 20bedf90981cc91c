"""Feedback of visitors: kept once, told to integrators, and only about one's own conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.stress import ledger
from tests.unit.bot.gateway_app import Running, running, until

SECRET = "whsec_" + "A" * 32


async def visitor(it: Running) -> dict[str, str]:
    status, body = await it.post("/v1/sessions", {})
    assert status == 201
    return {"Authorization": f"Bearer {body['token']}"}


async def asked(it: Running, headers: dict[str, str], number: int = 1) -> tuple[str, int, int]:
    """Send a message; gives the turn, the visitor's and the bot's event."""
    message = {"id": f"message-{number}", "text": "hello"}
    status, body = await it.post("/v1/messages", message, **headers)
    assert status == 200
    mine, said = body["messages"]
    return body["turn_id"], mine["id"], said["id"]


async def test_the_last_word_is_kept_and_each_change_is_told_once(tmp_path: Path) -> None:
    async with ledger.vendor() as book:
        section = {"url": f"{book.url}/events", "secrets": [SECRET], "types": ["feedback.given"]}
        async with running(tmp_path, book=book, events={"crm": section}) as it:
            headers = await visitor(it)
            turn, _, said = await asked(it, headers)
            for verdict in ("helpful", "helpful", "not_helpful"):
                body = {"reply_id": said, "verdict": verdict, "comment": "  too long\x07 "}
                status, kept = await it.post("/v1/feedback", body, **headers)
                assert (status, kept) == (200, {"reply_id": said, "verdict": verdict})
            assert await it.parts.store.feedback_on(turn) == ("not_helpful", "too long")
            await until(lambda: len(book.taken) == 2)
            assert {one.text for one in book.taken} == {f"{turn} feedback.given"}
            assert len({one.key for one in book.taken}) == 2
            async with it.http.get(f"{it.url}/metrics") as answer:
                page = await answer.text()
    counted = 'frontdesk_feedback_total{channel="widget",verdict="'
    assert f'{counted}helpful"}} 1.0' in page
    assert f'{counted}not_helpful"}} 1.0' in page


async def test_only_replies_to_oneself_can_be_rated(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        one, other = await visitor(it), await visitor(it)
        turn, mine, said = await asked(it, one)
        for headers, reply in ((other, said), (one, mine), (one, said + 99)):
            body = {"reply_id": reply, "verdict": "helpful"}
            status, answer = await it.post("/v1/feedback", body, **headers)
            assert (status, answer["error"]["code"]) == (404, "NotFound")
        assert await it.parts.store.feedback_on(turn) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"reply_id": 1}, 400),
        ({"reply_id": "1", "verdict": "helpful"}, 400),
        ({"reply_id": 1, "verdict": "good"}, 400),
        ({"reply_id": 0, "verdict": "helpful"}, 400),
        ({"reply_id": 2**63, "verdict": "helpful"}, 400),
        ({"reply_id": 1, "verdict": "helpful", "comment": "x" * 1001}, 400),
        ({"reply_id": 1, "verdict": "helpful", "turn_id": "x"}, 400),
        ({"reply_id": 1, "verdict": "helpful"}, 404),
    ],
)
async def test_odd_feedback_is_refused(tmp_path: Path, body: object, status: int) -> None:
    async with running(tmp_path) as it:
        headers = await visitor(it)
        found, answer = await it.post("/v1/feedback", body, **headers)
        assert found == status
        assert answer["error"]["hint"]


async def test_a_comment_of_nothing_readable_is_a_422(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        headers = await visitor(it)
        _, _, said = await asked(it, headers)
        body = {"reply_id": said, "verdict": "helpful", "comment": "\u0007"}
        status, _ = await it.post("/v1/feedback", body, **headers)
        assert status == 422


async def test_who_rates_too_much_is_stopped(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"visitor_per_minute": 3}) as it:
        headers = await visitor(it)
        _, _, said = await asked(it, headers)
        body = {"reply_id": said, "verdict": "helpful"}
        found = [(await it.post("/v1/feedback", body, **headers))[0] for _ in range(4)]
        assert found == [200, 200, 429, 429]
