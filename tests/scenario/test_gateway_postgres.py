"""The gateway on a real PostgreSQL: two servers on one database, and a database that goes away."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from bot.records import Backlog
from bot.stress import kills, ledger, stops, vendors
from bot.stress.process import Echo
from tests import postgres
from tests.postgres import Cluster
from tests.unit.bot.gateway_app import Running, running, until

BACK_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres.cluster() as made:
        yield made


async def test_two_servers_answer_one_conversation_in_order_and_once(
    tmp_path: Path, cluster: Cluster
) -> None:
    database = postgres.new_database(cluster.address)
    async with (
        ledger.vendor() as book,
        running(tmp_path / "a", book=book, database=database) as a,
        running(tmp_path / "b", book=book, database=database) as b,
    ):
        for place in range(20):
            both: list[Running] = [a, b] if place % 3 else [b, a]
            found = await asyncio.gather(
                *(it.send("webhook", "1", place, f"1#{place}") for it in both),
                both[0].send("telegram", str(place), place, f"{place}#0"),
            )
            assert found == [202, 202, 200]
        await until(lambda: len(book.texts("webhook")) == 20)
        await until(lambda: len(book.texts("telegram")) == 20)
        assert book.texts("webhook") == [f"1#{place}" for place in range(20)]
        assert set(book.counts("webhook").values()) == {1}
        assert set(book.counts("telegram").values()) == {1}


async def test_what_a_server_has_left_is_done_by_the_other(
    tmp_path: Path, cluster: Cluster
) -> None:
    database = postgres.new_database(cluster.address)
    async with ledger.vendor() as book, running(tmp_path / "b", book=book, database=database) as b:
        async with running(tmp_path / "a", book=book, database=database, takes_s=60.0) as a:
            assert await a.send("webhook", "1", 1, "1#0") == 202
            assert await b.send("webhook", "1", 2, "1#1") == 202
        await until(lambda: book.texts("webhook") == ["1#0", "1#1"])


async def test_a_server_started_again_goes_on_at_once_with_what_it_had(
    tmp_path: Path, cluster: Cluster
) -> None:
    """It does not wait until the killed process, in whose folder it is, counts as dead."""
    async with ledger.vendor() as book, aiohttp.ClientSession() as http:
        server = Echo(
            folder=tmp_path,
            settings=vendors.settings(book.url),
            takes_s=60.0,
            environment={"FRONTDESK_DATABASE": postgres.new_database(cluster.address)},
        )
        await server.start()
        assert await kills.sent_by_vendor(http, server, "webhook", "1", 1, "1#0")
        await server.end(signal.SIGKILL)
        server.takes_s = 0.0
        await server.start()
        said = [json.loads(line)["action"] for line in server.log.splitlines() if line[:1] == "{"]
        assert said.count("listening") == 2
        assert said[: len(said) - said[::-1].index("listening")].count("journal_claimed") == 1
        await until(lambda: book.texts("webhook") == ["1#0"])
        await server.end(signal.SIGTERM)


async def test_a_database_that_goes_away_is_a_503_and_comes_back(
    tmp_path: Path, cluster: Cluster
) -> None:
    """R5, in short."""
    database = postgres.new_database(cluster.address)
    async with running(tmp_path, database=database) as it:
        assert await it.send("webhook", "1", 1, "1#0") == 202
        await until(lambda: len(it.book.texts("webhook")) == 1)
        await asyncio.to_thread(cluster.stop)
        assert await it.send("webhook", "1", 2, "1#1") == 503
        assert (await it.http.get(f"{it.url}/healthz")).status == 200
        assert (await it.http.get(f"{it.url}/readyz")).status == 503
        await asyncio.to_thread(cluster.start)
        deadline = time.monotonic() + BACK_WITHIN_S
        while await it.send("webhook", "1", 2, "1#1") != 202:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await until(lambda: it.book.texts("webhook") == ["1#0", "1#1"])
        journal = it.parts.store.journal
        for _ in range(100):
            if await journal.backlog() == Backlog():
                break
            await asyncio.sleep(0.05)
        assert await journal.backlog() == Backlog()


async def test_two_servers_are_restarted_in_turn_and_nobody_notices(
    tmp_path: Path, cluster: Cluster
) -> None:
    """R14, in short: a rolling restart behind a balancer."""
    database = postgres.new_database(cluster.address)
    outcome = await stops.roll(tmp_path, database, stops=2)
    assert (outcome.refused, outcome.cut) == (0, 0)
    assert (outcome.lost, outcome.doubled, outcome.missed) == (0, 0, 0)
    assert outcome.bad_exits == 0
