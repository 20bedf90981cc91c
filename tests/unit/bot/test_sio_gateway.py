"""socket.io through the whole gateway: journal, engine (an echo), outbox; also across a restart."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.web.keys import GATEWAY
from tests.unit.bot.channels.page import Page
from tests.unit.bot.gateway_app import Running, running

SHOP = "https://shop.example"
CHANNELS = {"socketio": {"session_key": "k" * 32, "allowed_origins": [SHOP]}}


@contextlib.asynccontextmanager
async def visiting(it: Running) -> AsyncIterator[Page]:
    page = Page()
    await page.client.connect(it.url, headers={"Origin": SHOP})
    try:
        yield page
    finally:
        await page.client.disconnect()


async def say(page: Page, session: str, message: str) -> None:
    await page.client.emit("user_uttered", {"message": message, "session_id": session})


def heard(text: str) -> tuple[str, dict[str, Any]]:
    return "bot_uttered", {"text": f"re: {text}"}


async def test_a_conversation_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, channels=CHANNELS) as it, visiting(it) as page:
        session = await page.session()
        await say(page, session, "hello")
        assert await page.next() == heard("hello")
    async with running(tmp_path, channels=CHANNELS) as it, visiting(it) as page:
        assert await page.session(session) == session
        await say(page, session, "又是我")
        assert await page.next() == heard("又是我")


async def test_a_reply_waits_for_a_page_that_is_loaded_again(tmp_path: Path) -> None:
    async with running(tmp_path, channels=CHANNELS, takes_s=0.5) as it:
        async with visiting(it) as page:
            session = await page.session()
            await say(page, session, "hello")
            await say(page, session, "hello again")
            assert await page.next() == heard("hello")
        async with visiting(it) as page:
            assert await page.session(session) == session
            assert await page.next() == heard("hello again")


async def test_who_sends_too_much_is_told_so(tmp_path: Path) -> None:
    limits = {"visitor_per_minute": 2}
    async with running(tmp_path, channels=CHANNELS, limits=limits) as it, visiting(it) as page:
        session = await page.session()
        for number in range(3):
            await say(page, session, f"number {number}")
        got = [await page.next() for _ in range(3)]
    texts = sorted(data["text"] for _, data in got)
    assert texts[:2] == [
        "Sorry, that did not reach us. Please send it again in a moment.",
        "re: number 0",
    ]


async def test_a_page_that_asks_hears_whether_it_was_stored(tmp_path: Path) -> None:
    async with running(tmp_path, channels=CHANNELS) as it, visiting(it) as page:
        session = await page.session()
        said = {"message": "hello", "session_id": session}
        assert not await page.client.call("user_uttered", said)
        it.app[GATEWAY].intake.close()
        assert await page.client.call("user_uttered", said) == {"error": "Busy"}
