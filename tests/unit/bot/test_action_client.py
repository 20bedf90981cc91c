"""Action servers that misbehave, each a real server: late, never, nonsense, errors, gone."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web

from bot import errors
from bot.actions.client import ActionClient, Elsewhere, Endpoint
from bot.dialogue.doing import Rejected
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.tracker import Tracker

DOMAIN = Domain(
    intents={},
    entities=frozenset(),
    slots={},
    responses={},
    actions=("action_x",),
    forms={},
    raw={"actions": ["action_x"]},
)
DEADLINE_S = 0.3
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def client(
    answer: Answer, *, knows_digest: bool = False, deadline_s: float = DEADLINE_S
) -> AsyncIterator[ActionClient]:
    app = web.Application()
    app.router.add_post("/webhook", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint = Endpoint(url=f"{_url(runner)}/webhook", knows_digest=knows_digest)
    calling = ActionClient(Elsewhere(endpoint), DOMAIN, deadline_s=deadline_s)
    try:
        yield calling
    finally:
        await calling.close()
        await runner.cleanup()


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def tracker() -> Tracker:
    return Tracker("anna", DOMAIN, Sight())


async def test_events_and_responses_come_back() -> None:
    async def answer(_request: web.Request) -> web.Response:
        events = [{"event": "slot", "name": "a", "value": 1, "timestamp": None}]
        return web.json_response({"events": events, "responses": [{"text": "hi"}]})

    async with client(answer) as calling:
        done = await calling.for_turn().run("action_x", tracker())
    assert [event.data for event in done.events] == [{"name": "a", "value": 1}]
    assert done.responses == ({"text": "hi"},)


async def test_the_domain_is_sent_again_when_the_server_lost_it() -> None:
    seen: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        call = orjson.loads(await request.read())
        seen.append("domain" in call)
        if "domain" not in call:
            return web.json_response({"error": "?", "action_name": "action_x"}, status=449)
        return web.json_response({"events": [], "responses": []})

    async with client(answer, knows_digest=True) as calling:
        await calling.for_turn().run("action_x", tracker())
    assert seen == [False, True]


async def test_a_refusal_is_told_from_a_failure() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"error": "no", "action_name": "action_x"}, status=400)

    async with client(answer) as calling:
        with pytest.raises(Rejected):
            await calling.for_turn().run("action_x", tracker())


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "no JSON"),
        (200, b"[1]", "answered"),
        (200, b'{"events": 1}', "no list"),
        (200, b'{"events": [{"event": "nosuch"}]}', "no kind of event"),
        (500, b"{}", "500"),
        (404, b"{}", "404"),
        (302, b"", "302"),
    ],
)
async def test_nonsense_is_an_error_that_says_so(status: int, body: bytes, words: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with client(answer) as calling:
        with pytest.raises(errors.ActionError, match=words):
            await calling.for_turn().run("action_x", tracker())


async def test_all_actions_of_a_turn_share_one_deadline() -> None:
    async def answer(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with client(answer) as calling:
        turn = calling.for_turn()
        started = time.monotonic()
        for _ in range(3):
            with pytest.raises(errors.ActionError, match="took longer"):
                await turn.run("action_x", tracker())
        assert time.monotonic() - started < DEADLINE_S + 0.5


async def test_a_server_that_hangs_up_is_not_asked_twice() -> None:
    calls: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        calls.append(1)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with client(answer) as calling:
        with pytest.raises(errors.ActionError, match="broke off"):
            await calling.for_turn().run("action_x", tracker())
    assert calls == [1]


async def test_an_action_that_breaks_connections_does_not_stop_the_others() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if orjson.loads(await request.read())["next_action"] == "action_x":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"events": [], "responses": []})

    async with client(answer) as calling:
        for _ in range(6):  # one more than the breaker allows
            with pytest.raises(errors.ActionError):
                await calling.for_turn().run("action_x", tracker())
        done = await calling.for_turn().run("action_y", tracker())
    assert done.events == ()


async def test_an_answer_without_end_is_cut_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    async with client(answer, deadline_s=20) as calling:
        with pytest.raises(errors.ActionError, match="more than 10000000 bytes"):
            await calling.for_turn().run("action_x", tracker())


async def test_nobody_there_is_said_at_once() -> None:
    endpoint = Endpoint(url="http://127.0.0.1:9/webhook")
    calling = ActionClient(Elsewhere(endpoint), DOMAIN, deadline_s=5)
    with pytest.raises(errors.ActionError, match="cannot be reached"):
        await calling.for_turn().run("action_x", tracker())
    await calling.close()


async def test_after_failures_in_a_row_it_is_left_alone_for_a_while() -> None:
    calls: list[int] = []

    async def answer(_request: web.Request) -> web.Response:
        calls.append(1)
        await asyncio.sleep(30)
        return web.Response()

    async with client(answer, deadline_s=0.05) as calling:
        for _ in range(8):
            with pytest.raises(errors.ActionError):
                await calling.for_turn().run("action_x", tracker())
    assert len(calls) == 5


async def test_a_large_call_is_deflated_for_servers_that_take_it() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Content-Encoding"] == "deflate"
        call = orjson.loads(zlib.decompress(await _raw(request)))
        return web.json_response({"events": [], "responses": [{"text": call["sender_id"]}]})

    long = Tracker("x" * 30_000, DOMAIN, Sight())
    async with client(answer, knows_digest=True) as calling:
        done = await calling.for_turn().run("action_x", long)
    assert done.responses == ({"text": "x" * 30_000},)


async def _raw(request: web.Request) -> bytes:
    """The body as it was sent; aiohttp has inflated it already."""
    return zlib.compress(await request.read())
