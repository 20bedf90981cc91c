"""Traces reach a collector, whole and without a word of the visitor; without one nothing loads."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from bot import tracing
from bot.stress import ledger
from tests.conftest import ROOT
from tests.unit.bot.gateway_app import running, until


@pytest.fixture
def untraced() -> Iterator[None]:
    yield
    tracing.close()


@pytest.mark.usefixtures("untraced")
async def test_a_message_is_traced_from_taking_in_to_sending(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        body = await request.read()
        bodies.append(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tracing.configure(f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with ledger.vendor() as book, running(tmp_path, book=book) as it:
        await it.send("telegram", "1", 1, "canary of a visitor")
        await until(lambda: book.texts("telegram") == ["canary of a visitor"])
    await asyncio.to_thread(tracing.close)
    sent = b"".join(bodies)
    await runner.cleanup()
    for name in (b"accept", b"answer", b"send", b"frontdesk.message", b"telegram"):
        assert name in sent
    assert b"canary" not in sent


def test_without_an_address_nothing_is_loaded() -> None:
    code = (
        "import sys; from bot import tracing; tracing.configure('');"
        "exec('with tracing.span(\"x\"): pass');"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_every_stage_is_timed_without_traces(tmp_path: Path) -> None:
    async with ledger.vendor() as book, running(tmp_path, book=book) as it:
        await it.send("telegram", "1", 1, "hello")
        await until(lambda: book.texts("telegram") == ["hello"])
        async with it.http.get(f"{it.url}/metrics") as answer:
            page = await answer.text()
    for stage in ("accept", "answer", "send"):
        assert f'frontdesk_stage_seconds_count{{stage="{stage}"}} 1.0' in page
