from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.channels.channel import SendError
from bot.channels.jwks import KeySet
from tests.unit.bot.channels.tokens import jwks
from tests.unit.bot.channels.vendor import vendor


async def test_keys_are_found_by_their_id() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(200, jwks("a", "b"))
        keys = KeySet(side.url)
        await keys.fetch(http)
    found = keys.find("b")
    assert found is not None
    assert found[1] == ("msteams",)
    strangers: list[object] = ["c", None, 7, ["a"], {}]
    for strange in strangers:
        assert keys.find(strange) is None


async def test_odd_keys_are_passed_over() -> None:
    odd: list[Any] = [
        None,
        {},
        {"kid": "x"},
        {"kid": "y", "kty": "RSA"},
        {"kid": "z", "kty": "oct", "k": "x"},
    ]
    odd.append({"kid": "w", "kty": "RSA", "n": "!!", "e": 7})
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(200, {"keys": [*odd, *jwks("a")["keys"]]})
        keys = KeySet(side.url)
        await keys.fetch(http)
        assert [kid for kid in "axyzw" if keys.find(kid)] == ["a"]


@pytest.mark.parametrize(("status", "data"), [(500, None), (200, None), (200, {"keys": {}})])
async def test_a_document_without_keys_leaves_the_earlier_ones(status: int, data: object) -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(200, jwks("a"))
        keys = KeySet(side.url)
        await keys.fetch(http)
        side.say(status, data)
        with pytest.raises(SendError):
            await keys.fetch(http)
    assert keys.find("a") is not None


async def test_an_unknown_key_is_fetched_while_the_application_runs() -> None:
    async with vendor() as side:
        side.say(200, jwks("a"))
        keys = KeySet(side.url)
        app = web.Application()
        app.cleanup_ctx.append(keys.run)
        runner = web.AppRunner(app)
        await runner.setup()
        side.say(200, jwks("b"))
        assert keys.find("b") is None
        while len(side.ledger) < 2:  # noqa: ASYNC110 - a ledger has no event
            await asyncio.sleep(0.01)
        while keys.find("b") is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert keys.find("unknown") is None
        await runner.cleanup()
    assert len(side.ledger) == 2


async def test_a_vendor_that_is_down_does_not_hold_up_the_start() -> None:
    async with vendor() as side:
        url = side.url
    app = web.Application()
    app.cleanup_ctx.append(KeySet(url).run)
    runner = web.AppRunner(app)
    await runner.setup()
    await runner.cleanup()
