"""SQLite's own troubles: full disk, read-only file, lock, and which versions are safe."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from bot import errors
from bot.domain import (
    Decision,
    Event,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Thresholds,
    Turn,
    Understanding,
    Versions,
)
from bot.ports import Store
from bot.store import open_store, sqlite

REPLY = Reply(
    messages=(),
    decision=Decision(
        outcome=Outcome.ANSWER,
        reason=Reason.CONFIDENT,
        thresholds=Thresholds(answer=0.7, clarify=0.3, rule=0.8),
        actions=("action_answer",),
    ),
    understanding=Understanding(
        language=Language.EN,
        prediction=None,
        candidates=(),
        confidence=0.9,
        versions=Versions(classifier="c", encoder="e", knowledge="k"),
    ),
)


async def say(store: Store, text: str) -> Turn:
    said = Message(
        id=uuid.uuid4().hex, channel="cli", sender="u", text=text, received_at=datetime.now(UTC)
    )
    conversation, _ = await store.open_turn(said)
    event = Event(name="user", timestamp=1.0, data={"text": text})
    return await store.close_turn(conversation, said, REPLY, [event])


@pytest.fixture
def connections() -> Iterator[list[Any]]:
    """The driver's connections that are opened during the test, in order: writer, reader."""
    seen: list[Any] = []

    def on_connect(connection: object, _record: object) -> None:
        seen.append(connection)

    sa.event.listen(sa.Engine, "connect", on_connect)
    yield seen
    sa.event.remove(sa.Engine, "connect", on_connect)


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


class Disk(NamedTuple):
    """Where to put a database, and how to take its space and give it back."""

    folder: Path
    fill: Callable[[], object]
    free: Callable[[], object]


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A real file system of 2 MB."""
    ballast = folder / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)  # noqa: S603 - constants and tmp_path
    try:
        yield Disk(folder, fill, ballast.unlink)
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S603, S607


@contextlib.contextmanager
def limited_pages(folder: Path, connections: list[Any]) -> Iterator[Disk]:
    """A database that may not grow, which needs no rights."""

    def limit(pages: int) -> None:
        connections[0].execute(f"PRAGMA max_page_count={pages}").fetchall()

    yield Disk(folder, lambda: limit(1), lambda: limit(10**6))


def may_mount() -> bool:
    """Whether this user may mount; where not, only the other way is tested."""
    unshare = shutil.which("unshare")
    if os.name != "posix" or os.geteuid() != 0 or unshare is None:
        return False
    trial = [unshare, "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0  # noqa: S603


@pytest.fixture(params=["pages", "mount"] if may_mount() else ["pages"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, connections: list[Any]) -> Iterator[Disk]:
    way = small_disk(tmp_path) if request.param == "mount" else limited_pages(tmp_path, connections)
    with way as made:
        yield made


async def test_full_disk_is_said_and_survived(disk: Disk) -> None:
    store = opened(disk.folder / "store.db")
    kept = [await say(store, "before")]
    disk.fill()
    with pytest.raises(errors.StoreError, match="disk is full") as e:  # noqa: PT012 - the disk may take some first
        for _ in range(100):
            kept.append(await say(store, "x" * 50_000))
    assert "Free space" in e.value.hint
    assert isinstance(e.value.__cause__, sa.exc.OperationalError)
    with pytest.raises(errors.StoreError, match="disk is full"):
        await say(store, "x" * 50_000)
    assert await store.turn(kept[0].id) == kept[0]
    disk.free()
    kept.append(await say(store, "x" * 50_000))
    await store.ping()
    assert [await store.turn(turn.id) for turn in kept] == kept
    assert len(await store.events_after("cli", "u")) == len(kept)
    await store.close()
    with contextlib.closing(sqlite3.connect(disk.folder / "store.db")) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_read_only_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await opened(path).close()
    with pytest.raises(errors.StoreError, match="readonly") as e:
        open_store(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert "right to write" in e.value.hint


async def test_lock_of_another_program_is_said_and_survived(
    tmp_path: Path, connections: list[Any]
) -> None:
    store = opened(tmp_path / "store.db")
    connections[0].execute("PRAGMA busy_timeout=20").fetchall()
    other = opened(tmp_path / "store.db")
    connections[2].execute("BEGIN IMMEDIATE")
    with pytest.raises(errors.StoreError, match="locked") as e:
        await store.ping()
    assert "Another program" in e.value.hint
    assert await store.turn("x") is None
    connections[2].rollback()
    await other.close()
    await store.ping()
    assert (await say(store, "goes on")).outcome is Outcome.ANSWER
    await store.close()


async def test_settings_that_keep_acknowledged_turns(
    tmp_path: Path, connections: list[Any]
) -> None:
    store = opened(tmp_path / "store.db")
    for connection in connections:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
        assert settings == ["wal", 2, 1, 5000]
    await store.close()


async def test_old_sqlite_gets_one_connection_and_a_warning(
    tmp_path: Path,
    connections: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3", None)  # as if it were not installed
    old = sqlite.has_wal_bug(sqlite3.sqlite_version)
    with caplog.at_level(logging.WARNING):
        store = opened(tmp_path / "store.db")
    turn = await say(store, "hello")
    assert await store.turn(turn.id) == turn
    assert len(connections) == (1 if old else 2)
    assert ("only one is used" in caplog.text) == old
    await store.close()


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ("3.40.1", True),
        ("3.44.5", True),
        ("3.44.6", False),
        ("3.45.0", True),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.51.0", True),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.53.4", False),
        ("4.0", False),
    ],
)
def test_versions_with_the_wal_bug(version: str, bug: bool) -> None:
    assert sqlite.has_wal_bug(version) is bug


def test_errors_that_are_not_the_database_s_are_left_alone() -> None:
    bug = KeyError("x")
    assert sqlite.translate(bug) is bug


async def test_after_a_failed_sync_nothing_is_written_before_a_restart(tmp_path: Path) -> None:
    """What could not be synced may be lost although a later sync succeeds."""

    def fail(_on: sa.Connection) -> None:
        failed = sqlite3.OperationalError("disk I/O error")
        failed.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise sa.exc.OperationalError("COMMIT", None, failed)

    url = f"sqlite:///{tmp_path / 'store.db'}"
    store: Any = open_store(url)
    await store.ping()
    with pytest.raises(errors.StoreError, match="failed to sync"):
        await store._do(store._writer, fail)
    with pytest.raises(errors.StoreError, match="failed to sync"):
        await store.ping()
    assert await store.turn("none") is None, "it can still be read"
    await store.close()
    again = open_store(url)
    await again.ping()
    await again.close()
