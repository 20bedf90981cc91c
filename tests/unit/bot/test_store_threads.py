"""Database threads: batches, failures, limits and the end, on a real SQLite file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import errors
from bot.store import threads

WAIT_S = 10


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    engine = sa.create_engine(
        f"sqlite:///{tmp_path / 'numbers.db'}",
        poolclass=sa.NullPool,
        connect_args={"check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def on_connect(raw: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        raw.isolation_level = None
        raw.cursor().execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def on_begin(begun: sa.Connection) -> None:
        begun.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as opened:
        with opened.begin():
            opened.exec_driver_sql("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
            opened.exec_driver_sql(
                "CREATE TABLE twins (n INTEGER REFERENCES numbers DEFERRABLE INITIALLY DEFERRED)"
            )
        yield opened


@pytest.fixture
def writer(connection: sa.Connection) -> Iterator[threads.DatabaseThread]:
    thread = threads.DatabaseThread("test-writer", connection, threads.together, max_waiting=8)
    yield thread
    thread.stop()


def add(number: int) -> threads.Job[int]:
    def job(connection: sa.Connection) -> int:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,))
        return number

    return job


def stored(connection: sa.Connection) -> list[int]:
    return list(connection.exec_driver_sql("SELECT n FROM numbers ORDER BY n").scalars())


def twin_of_nobody(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO twins VALUES (99)")


class Gate:
    """A job that holds the thread until it is opened, so that others gather behind it."""

    def __init__(self, writer: threads.DatabaseThread) -> None:
        self.opened, self.reached = threading.Event(), threading.Event()
        self.future = writer.submit(self._wait)
        assert self.reached.wait(WAIT_S)

    def _wait(self, _connection: sa.Connection) -> None:
        self.reached.set()
        assert self.opened.wait(WAIT_S)


def test_failing_job_fails_alone_and_leaves_no_trace(writer: threads.DatabaseThread) -> None:
    def half(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO numbers VALUES (50)")
        raise KeyError("half way")

    gate = Gate(writer)
    futures: list[Future[int]] = [writer.submit(add(1)), writer.submit(add(1))]
    failing, last = writer.submit(half), writer.submit(add(2))
    gate.opened.set()
    assert futures[0].result(WAIT_S) == 1
    assert isinstance(futures[1].exception(WAIT_S), sa.exc.IntegrityError)
    assert isinstance(failing.exception(WAIT_S), KeyError)
    assert last.result(WAIT_S) == 2
    assert writer.submit(stored).result(WAIT_S) == [1, 2]


def test_failing_commit_fails_the_whole_batch_and_nothing_after(
    writer: threads.DatabaseThread,
) -> None:
    gate = Gate(writer)
    batch: list[Future[Any]] = [
        writer.submit(add(1)),
        writer.submit(twin_of_nobody),
        writer.submit(add(2)),
    ]
    gate.opened.set()
    assert [type(future.exception(WAIT_S)) for future in batch] == [sa.exc.IntegrityError] * 3
    assert writer.submit(add(3)).result(WAIT_S) == 3
    assert writer.submit(stored).result(WAIT_S) == [3]


def test_transaction_that_sqlite_gave_up_fails_the_whole_batch(
    writer: threads.DatabaseThread,
) -> None:
    def give_up(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT OR ROLLBACK INTO numbers VALUES (1)")

    gate = Gate(writer)
    batch: list[Future[Any]] = [
        writer.submit(add(1)),
        writer.submit(give_up),
        writer.submit(add(2)),
    ]
    gate.opened.set()
    failures = [future.exception(WAIT_S) for future in batch]
    assert all("UNIQUE constraint failed" in str(failure) for failure in failures)
    assert writer.submit(stored).result(WAIT_S) == []


def test_cancelled_job_does_not_run(writer: threads.DatabaseThread) -> None:
    gate = Gate(writer)
    cancelled, kept = writer.submit(add(1)), writer.submit(add(2))
    assert cancelled.cancel()
    assert not gate.future.cancel()
    gate.opened.set()
    assert kept.result(WAIT_S) == 2
    assert writer.submit(stored).result(WAIT_S) == [2]


def test_full_queue_refuses_at_once(writer: threads.DatabaseThread) -> None:
    gate = Gate(writer)
    futures = [writer.submit(add(number)) for number in range(8)]
    with pytest.raises(errors.Busy, match=r"wait for the database\. Try again in a second"):
        writer.submit(add(9))
    gate.opened.set()
    assert [future.result(WAIT_S) for future in futures] == list(range(8))
    assert writer.submit(add(9)).result(WAIT_S) == 9


def test_stop_drains_then_refuses(writer: threads.DatabaseThread) -> None:
    futures = [writer.submit(add(number)) for number in range(5)]
    writer.stop()
    assert [future.result(0) for future in futures] == list(range(5))
    with pytest.raises(errors.StoreError, match="The store is closed"):
        writer.submit(add(9))
    writer.stop()


def test_one_by_one_keeps_what_succeeded(connection: sa.Connection) -> None:
    reader = threads.DatabaseThread("test-reader", connection, threads.one_by_one)
    futures = [reader.submit(add(1)), reader.submit(add(1)), reader.submit(add(2))]
    assert [type(future.exception(WAIT_S)) for future in futures] == [
        type(None),
        sa.exc.IntegrityError,
        type(None),
    ]
    assert reader.submit(stored).result(WAIT_S) == [1, 2]
    reader.stop()
