"""Rate limits that several servers count together, with a real Redis that goes away and hangs."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from bot import config, errors
from bot.stress.process import free_port
from bot.web import limiting
from bot.web.limiting import RateLimits


class Redis:
    """A Redis of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        self.made: list[RateLimits] = []

    async def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "there is no redis-server: apt-get install redis-server"
        options = ["--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        self.process = await asyncio.create_subprocess_exec(
            program, *options, stdout=asyncio.subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError("Redis did not start")

    async def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number is signal.SIGKILL:
            await self.process.wait()

    def limits(self, per_minute: int = 5) -> RateLimits:
        url = SecretStr(f"redis://127.0.0.1:{self.port}/0")
        made = RateLimits(config.Limits(visitor_per_minute=per_minute, redis=url))
        self.made.append(made)
        return made


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    made = Redis(tmp_path)
    await made.start()
    yield made
    for limits in made.made:
        await limits.close()
    await made.send(signal.SIGCONT)
    await made.send(signal.SIGKILL)


async def refused(limits: RateLimits, count: int, who: str = "u") -> list[bool]:
    found = []
    for _ in range(count):
        try:
            await limits.check("visitor", "rest", who)
        except errors.TooMany as refusal:
            found.append(1 <= refusal.retry_after_s <= 60)
        else:
            found.append(False)
    return found


async def test_two_servers_count_together(redis: Redis) -> None:
    one, other = redis.limits(), redis.limits()
    assert await refused(one, 3) == [False] * 3
    assert await refused(other, 3) == [False, False, True]
    assert await refused(one, 1) == [True]
    assert await refused(other, 1, "somebody else") == [False]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_without_redis_everybody_is_let_through_and_nobody_waits(
    redis: Redis, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiting, "REST_S", 0.3)
    limits = redis.limits()
    assert await refused(limits, 6) == [False] * 5 + [True]
    await redis.send(number)
    started = time.monotonic()
    with structlog.testing.capture_logs() as lines:
        assert await refused(limits, 50) == [False] * 50
    assert time.monotonic() - started < 5.0  # one try, then a pause; not fifty
    assert {line["action"] for line in lines} == {"rate_limits_down"}
    if number is signal.SIGSTOP:
        await redis.send(signal.SIGCONT)
    else:
        await redis.start()
    await asyncio.sleep(0.4)
    assert True in await refused(limits, 6)


@pytest.mark.parametrize("url", ["redis//nowhere", "http://u:SECRET@127.0.0.1/"])
def test_an_address_that_is_none_is_told_and_not_shown(url: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"limits\.redis") as caught:
        RateLimits(config.Limits(redis=SecretStr(url)))
    assert "SECRET" not in str(caught.value)
