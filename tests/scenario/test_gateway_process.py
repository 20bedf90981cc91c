"""The gateway as a process of its own that is killed, stopped and watched from outside."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import zlib
from pathlib import Path

import aiohttp
import socketio

from bot.stress import kills, ledger, stops, troubles, vendors
from bot.stress.process import Echo

STOPPED_WITHIN_S = 10.0
MOST_GROWTH_KB = 10_000  # of a bomb of 300 MiB


async def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """R1, in short: random moments and named points; the full form is `bench gateway`."""
    outcome = await kills.run(tmp_path, messages=600, kills=8)
    assert outcome.messages == 600
    assert outcome.lost == 0
    assert outcome.doubled_with_key == 0
    assert outcome.doubled_without_key <= outcome.uncertain
    assert outcome.out_of_order == 0


async def test_300_mib_in_300_kb_are_refused_in_little_memory(tmp_path: Path) -> None:
    """S17: the server stops unpacking where the limit is."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    assert len(packed) < 320_000
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        server = Echo(folder=tmp_path, settings=vendors.settings(book.url))
        await server.start()
        before = _memory_kb(server)
        for path in ("/webhooks/webhook/webhook", "/webhooks/rest/webhook", "/v1/sessions"):
            for _ in range(3):
                async with http.post(server.url + path, data=packed, headers=headers) as answer:
                    assert answer.status == 413, path
        grown = _memory_kb(server) - before
        await server.end()
        assert grown < MOST_GROWTH_KB
        assert '"level": "error"' not in server.log


def _memory_kb(server: Echo) -> int:
    """The most memory that it ever had, in kB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])


async def test_sigterm_finishes_what_was_accepted_and_says_so_first(tmp_path: Path) -> None:
    """R14, in short: callers under way get their answers, vendors theirs later."""
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        server = Echo(folder=tmp_path, settings=vendors.settings(book.url), takes_s=0.4)
        await server.start()

        async def call(number: int) -> int:
            body = {"sender": f"c{number}", "message": "hello"}
            async with http.post(f"{server.url}/webhooks/rest/webhook", json=body) as answer:
                await answer.read()
                return answer.status

        async def notify(number: int) -> int:
            call = vendors.call("webhook", f"v{number}", number, f"{number}#0", server.url)
            async with http.post(
                server.url + call.path, data=call.body, headers=call.headers
            ) as answer:
                return answer.status

        running = [asyncio.create_task(call(n)) for n in range(30)]
        assert {await notify(n) for n in range(30)} == {202}
        began = time.monotonic()
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        async with http.get(f"{server.url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["status"] == "stopping"
        assert set(await asyncio.gather(*running)) == {200}
        assert await server.process.wait() == 0
        assert time.monotonic() - began < STOPPED_WITHIN_S
        if len(book.texts("webhook")) < 30:  # the next one does what was left
            await server.start()
            for _ in range(200):
                if len(book.texts("webhook")) == 30:
                    break
                await asyncio.sleep(0.05)
            await server.end(signal.SIGTERM)
        assert set(book.counts("webhook").values()) == {1}
        assert len(book.counts("webhook")) == 30
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
        assert {line["level"] for line in lines} <= {"info", "warning"}


async def test_an_open_websocket_does_not_hold_up_the_end(tmp_path: Path) -> None:
    section = (
        f'[channels.socketio]\nsession_key = "{"k" * 32}"\nallowed_origins = ["https://a.b"]\n'
    )
    server = Echo(folder=tmp_path, settings=section)
    await server.start()
    page = socketio.AsyncClient(reconnection=False)
    await page.connect(server.url, headers={"Origin": "https://a.b"}, transports=["websocket"])
    began = time.monotonic()
    assert await server.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < STOPPED_WITHIN_S
    await page.disconnect()


async def test_pages_come_back_after_a_stop_and_miss_nothing(tmp_path: Path) -> None:
    """R14, in short: event streams, WebSockets, vendors and callers while the server restarts."""
    outcome = await stops.run(tmp_path, stops=1)
    assert outcome.said >= outcome.visitors == 20
    assert outcome.refused > 0  # nobody listened for a while
    assert outcome.cut == 0
    assert outcome.missed == 0
    assert outcome.lost == 0
    assert outcome.doubled == 0
    assert outcome.bad_exits == 0


async def test_with_a_socket_that_stays_open_nobody_is_even_refused(tmp_path: Path) -> None:
    """R14, in short, as under systemd's socket activation."""
    outcome = await stops.run(tmp_path, stops=1, holds=True)
    assert (outcome.refused, outcome.cut) == (0, 0)
    assert (outcome.lost, outcome.doubled, outcome.missed) == (0, 0, 0)
    assert outcome.bad_exits == 0


async def test_everything_delivered_up_to_four_times_is_answered_once(tmp_path: Path) -> None:
    """R8, in short, from outside; the full form is `bench gateway`."""
    outcome = await troubles.storm(tmp_path, events=200)
    assert outcome.deliveries > outcome.events == 200
    assert outcome.replies == 200
    assert outcome.twice == 0


async def test_what_a_vendor_grants_is_used_and_no_more(tmp_path: Path) -> None:
    """R7, in short, from outside."""
    outcome = await troubles.budget(tmp_path, chats=3, each=4)
    assert outcome.lost == 0
    assert outcome.refused > 0
    assert outcome.too_early == 0
