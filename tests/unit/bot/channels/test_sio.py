"""The socket.io channel with the client of python-socketio, over real connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt
import pytest
import socketio
from aiohttp import web

from bot import errors
from bot.channels import catalogue, sio
from bot.channels.abilities import Mounted
from bot.channels.channel import Channel, Inbound, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.page import Page
from tests.unit.bot.channels.vendor import request

SHOP = "https://shop.example"


class Side:
    """A server with the channel mounted; keeps what came in."""

    def __init__(self, **settings: object) -> None:
        section = {"session_key": "k" * 32, "allowed_origins": [SHOP], **settings}
        self.channel: Channel = catalogue.open_one("socketio", section)
        self.messages: list[Inbound] = []
        self.more = asyncio.Event()
        self.failing = False
        self.url = ""
        self.pages: list[Page] = []

    async def accept(self, messages: Sequence[Inbound]) -> None:
        if self.failing:
            raise errors.Busy
        self.messages += messages
        self.more.set()

    async def page(self, *, origin: str | None = SHOP, auth: object = None) -> Page:
        page = Page()
        self.pages.append(page)
        headers = {"Origin": origin} if origin else {}
        await page.client.connect(self.url, headers=headers, auth=auth)
        return page

    async def say(self, message: BotMessage, address: Any) -> None:  # noqa: ANN401 - JSON
        async with aiohttp.ClientSession() as http:
            for piece in self.channel.render([message], address):
                await self.channel.send(piece, address, key="k", http=http)

    async def heard(self, count: int = 1) -> list[Inbound]:
        async with asyncio.timeout(5):
            while len(self.messages) < count:
                await self.more.wait()
                self.more.clear()
        return self.messages


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[Side]:
    side = Side(**settings)
    app = web.Application()
    assert isinstance(side.channel, Mounted)
    side.channel.mount(app, side.accept)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    side.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield side
    finally:
        for page in side.pages:
            await page.client.disconnect()
        await runner.cleanup()


async def test_a_conversation_in_rasas_shapes() -> None:
    async with serving() as side:
        page = await side.page()
        session = await page.session()
        said = {"message": "你好", "session_id": session, "customData": {"language": "zh"}}
        await page.client.emit("user_uttered", said)
        (message,) = await side.heard()
        assert (message.text, message.metadata) == ("你好", {"language": "zh"})
        assert session.startswith(message.sender)
        await side.say(
            BotMessage(text="哪一个？", buttons=(Button(title="退货", payload="/a"),)),
            message.address,
        )
        await side.say(
            BotMessage(
                image="https://i.example/a.png",
                attachment={"type": "video"},
                custom={"kind": "map"},
            ),
            message.address,
        )
        quick = [{"content_type": "text", "title": "退货", "payload": "/a"}]
        picture = {"type": "image", "payload": {"src": "https://i.example/a.png"}}
        assert [await page.next() for _ in range(4)] == [
            ("bot_uttered", {"text": "哪一个？", "quick_replies": quick}),
            ("bot_uttered", {"attachment": picture}),
            ("bot_uttered", {"attachment": {"type": "video"}}),
            ("bot_uttered", {"kind": "map"}),
        ]


async def test_a_session_is_kept_when_the_page_is_loaded_again() -> None:
    async with serving() as side:
        first = await side.page()
        session = await first.session()
        await first.client.emit("user_uttered", {"message": "hi", "session_id": session})
        (message,) = await side.heard()
        await first.client.disconnect()
        await asyncio.sleep(0.3)  # until the server has heard of it
        answer = asyncio.create_task(side.say(BotMessage(text="late"), message.address))
        second = await side.page()
        assert await second.session(session) == session
        assert await second.next() == ("bot_uttered", {"text": "late"})
        await answer


@pytest.mark.parametrize(
    "forged", ["u1", "", "a.b.c", "é" * 300, 7, ["x"], "0" * 32 + ".ffffffff."]
)
async def test_a_session_that_the_server_did_not_give_out_is_none(forged: object) -> None:
    async with serving() as side:
        page = await side.page()
        issued = await page.session(forged)
        assert issued != forged
        await page.client.emit("user_uttered", {"message": "stolen", "session_id": forged})
        await page.client.emit("user_uttered", {"message": "mine", "session_id": issued})
        assert [message.text for message in await side.heard()] == ["mine"]


async def test_nobody_hears_what_another_is_told() -> None:
    async with serving() as side:
        mine, other = await side.page(), await side.page()
        session = await mine.session()
        await other.session()
        stolen = session.partition(".")[0]  # the visitor's id alone opens nothing
        assert await other.session(stolen) != session
        await mine.client.emit("user_uttered", {"message": "hi", "session_id": session})
        (message,) = await side.heard()
        await side.say(BotMessage(text="for one"), message.address)
        assert await mine.next() == ("bot_uttered", {"text": "for one"})
        await other.session()  # whatever came before this answer would have been heard
        assert other.got.empty()


async def test_without_session_id_a_message_is_ignored_as_in_rasa() -> None:
    async with serving() as side:
        page = await side.page()
        session = await page.session()
        for odd in (
            {"message": "no id"},
            None,
            "x",
            [1],
            {"session_id": session},
            {"message": 5.5},
        ):
            await page.client.emit("user_uttered", odd)
        await page.client.emit("user_uttered", {"message": "hi", "session_id": session})
        assert [message.text for message in await side.heard()] == ["hi"]


async def test_without_persistence_the_connection_is_the_conversation() -> None:
    async with serving(session_persistence=False) as side:
        page = await side.page()
        await page.client.emit("user_uttered", {"message": "hi"})
        (message,) = await side.heard()
        await side.say(BotMessage(text="hello"), message.address)
        assert await page.next() == ("bot_uttered", {"text": "hello"})
        await page.client.disconnect()
        await asyncio.sleep(0.3)  # until the server has heard of it
        with pytest.raises(SendError) as caught:
            await side.say(BotMessage(text="late"), message.address)
        assert caught.value.permanent


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://shop.example.evil.com",
        "https://evil-shop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://SHOP.example",
        "https://shop.example/",
    ],
)
async def test_other_origins_are_refused(origin: str) -> None:
    async with serving() as side:
        with pytest.raises(socketio.exceptions.ConnectionError):
            await side.page(origin=origin)
        async with aiohttp.ClientSession(headers={"Origin": origin}) as http:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(side.url + "/socket.io/?EIO=4&transport=websocket")


async def test_a_jwt_is_asked_for_when_a_key_is_set() -> None:
    key = "j" * 32
    right = jwt.encode({"sub": "u1"}, key, algorithm="HS256")
    old = jwt.encode({"exp": time.time() - 60}, key, algorithm="HS256")
    other = jwt.encode({"sub": "u1"}, "x" * 32, algorithm="HS256")
    async with serving(jwt_key=key) as side:
        await (await side.page(auth={"token": right})).session()
        for auth in (None, {}, {"token": other}, {"token": old}, {"token": 7}, {"token": "é"}, "x"):
            with pytest.raises(socketio.exceptions.ConnectionError):
                await side.page(auth=auth)


async def test_the_same_message_id_is_the_same_message() -> None:
    async with serving() as side:
        page = await side.page()
        session = await page.session()
        said = {"message": "hi", "session_id": session}
        for data in (said, said, {**said, "message_id": "1"}, {**said, "message_id": "1"}):
            await page.client.emit("user_uttered", data)
        keys = [message.dedupe_key for message in await side.heard(4)]
        assert len(set(keys)) == 3
        assert keys[2] == keys[3]


async def test_what_could_not_be_stored_is_told_in_the_visitors_language() -> None:
    async with serving() as side:
        page = await side.page()
        session = await page.session()
        side.failing = True
        await page.client.emit("user_uttered", {"message": "查物流", "session_id": session})
        assert await page.next() == (
            "bot_uttered",
            {"text": "抱歉，消息没有送达，请稍后再发一次。"},
        )


async def test_an_absent_visitor_is_waited_for() -> None:
    async with serving() as side:
        with pytest.raises(SendError, match="not connected") as caught:
            await side.say(BotMessage(text="hi"), {"room": "nobody"})
        assert (caught.value.permanent, caught.value.retry_after_s) == (False, 15)


def test_there_is_no_webhook() -> None:
    with pytest.raises(errors.Forged):
        Side().channel.verify(request())
    with pytest.raises(errors.BadRequest):
        Side().channel.parse(request())


def test_no_origin_is_not_every_origin() -> None:
    with pytest.raises(errors.ConfigError, match="allowed_origins"):
        Side(allowed_origins=[])


async def _never_ends(_data: object) -> None:
    """A page that has gone without a word: it acknowledges nothing."""
    await asyncio.Event().wait()


async def _room(page: Page, given: object = None) -> tuple[str, dict[str, str]]:
    session = await page.session(given)
    return session, {"room": session.partition(".")[0]}


async def test_what_a_page_acknowledges_comes_with_its_key() -> None:
    async with serving(receipts=True) as side:
        page = await side.page()
        _, address = await _room(page)
        await side.say(BotMessage(text="hello"), address)
        assert await page.next() == ("bot_uttered", {"text": "hello", "id": "k"})


async def test_what_no_page_acknowledges_is_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sio, "RECEIPT_S", 0.2)
    async with serving(receipts=True) as side:
        page = await side.page()
        _, address = await _room(page)
        page.client.on("bot_uttered", _never_ends)
        with pytest.raises(SendError) as failure:
            await side.say(BotMessage(text="hello"), address)
        assert failure.value.retry_after_s == sio.LATER_S
        assert not failure.value.permanent


async def test_one_page_that_acknowledges_is_enough() -> None:
    async with serving(receipts=True) as side:
        silent, other = await side.page(), await side.page()
        session, address = await _room(silent)
        await other.session(session)
        silent.client.on("bot_uttered", _never_ends)
        await side.say(BotMessage(text="hello"), address)
        assert await other.next() == ("bot_uttered", {"text": "hello", "id": "k"})
