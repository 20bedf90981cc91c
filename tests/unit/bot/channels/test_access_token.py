from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.channels.access_token import AccessToken
from bot.channels.channel import SendError


class Issuer:
    """Gives tokens t1, t2, ... of 7200 seconds; can fail, and be slow."""

    def __init__(self) -> None:
        self.given = 0
        self.now = 1000.0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, _http: aiohttp.ClientSession) -> tuple[str, float]:
        await self.gate.wait()
        if self.fails:
            raise SendError("down")
        self.given += 1
        return f"t{self.given}", 7200.0

    def token(self) -> AccessToken:
        return AccessToken(self.fetch, clock=lambda: self.now)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_all_who_ask_at_once_share_one_fetch(http: aiohttp.ClientSession) -> None:
    issuer = Issuer()
    token = issuer.token()
    got = await asyncio.gather(*(token.get(http) for _ in range(50)))
    assert (set(got), issuer.given) == ({"t1"}, 1)


async def test_it_is_renewed_early_and_the_others_go_on(http: aiohttp.ClientSession) -> None:
    issuer = Issuer()
    token = issuer.token()
    await token.get(http)
    issuer.now += 7200 - 299
    issuer.gate.clear()
    first = asyncio.create_task(token.get(http))
    await asyncio.sleep(0)
    assert await token.get(http) == "t1"
    issuer.gate.set()
    assert await first == "t2"
    assert await token.get(http) == "t2"


async def test_a_vendor_that_is_down_does_not_end_a_good_token(http: aiohttp.ClientSession) -> None:
    issuer = Issuer()
    token = issuer.token()
    await token.get(http)
    issuer.now += 7200 - 100
    issuer.fails = True
    assert await token.get(http) == "t1"
    issuer.now += 200
    with pytest.raises(SendError, match="down"):
        await token.get(http)


async def test_a_refused_token_is_fetched_again_once(http: aiohttp.ClientSession) -> None:
    issuer = Issuer()
    token = issuer.token()
    await token.get(http)
    for _ in range(10):
        token.refused("t1")
    got = await asyncio.gather(*(token.get(http) for _ in range(10)))
    token.refused("t1")  # said late, by one who still had the old one
    assert (set(got), await token.get(http), issuer.given) == ({"t2"}, "t2", 2)
