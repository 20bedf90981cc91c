"""The answers database: receipts, what followers see, and what survives."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import errors
from bot.store.answers import AnswerBook, Receipt
from retrieval.candidate import PastAnswer
from tests.conftest import ROOT

KILLS = 6


def answer(name: str, text: str = "So.", lang: str = "en") -> PastAnswer:
    return PastAnswer(id=name, lang=lang, intent="i", questions=(f"{name}?",), text=text)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AnswerBook]:
    """An empty database."""
    opened = AnswerBook(tmp_path / "answers.db")
    yield opened
    opened.close()


def test_a_write_says_what_it_did(book: AnswerBook) -> None:
    assert book.put([answer("a"), answer("b")], origin="x") == Receipt(revision=1, added=2)
    again = [answer("a"), answer("b", "Other.")]
    assert book.put(again, origin="x") == Receipt(revision=2, changed=1, unchanged=1)
    assert book.put(again, origin="x") == Receipt(revision=2, unchanged=2)
    assert book.remove(["a", "unknown"]) == Receipt(revision=3, removed=1)
    assert [a.id for a in book.answers()] == ["b"]


def test_sync_removes_only_what_is_of_its_origin(book: AnswerBook) -> None:
    book.put([answer("mine")], origin="other")
    book.sync([answer("a"), answer("b")], origin="x")
    assert book.sync([answer("b")], origin="x") == Receipt(revision=3, unchanged=1, removed=1)
    assert {a.id for a in book.answers()} == {"mine", "b"}


def test_a_dry_run_writes_nothing(book: AnswerBook) -> None:
    assert book.put([answer("a")], origin="x", dry=True) == Receipt(revision=0, added=1)
    assert (book.answers(), book.revision()) == ((), 0)


def test_everything_comes_back_as_it_was(book: AnswerBook) -> None:
    full = dataclasses.replace(
        answer("a", "好的。", "zh"),
        channel="widget",
        audience="staff",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2026, 2, 1, 12, tzinfo=UTC),
        enabled=False,
        source="file, line 3",
    )
    book.put([full], origin="x")
    assert book.answers() == (full,)


def test_followers_see_whole_entries_and_what_is_gone(book: AnswerBook) -> None:
    book.put([answer("a"), answer("a", lang="zh"), answer("b")], origin="x")
    changes = book.changes_since(0)
    assert (changes.revision, set(changes.entries)) == (1, {"a", "b"})
    book.put([answer("a", "New.", "zh")], origin="x")
    book.remove(["b"])
    changes = book.changes_since(1)
    assert changes.revision == 3
    assert changes.entries["b"] == ()
    assert [(a.lang, a.text) for a in changes.entries["a"]] == [("en", "So."), ("zh", "New.")]
    assert book.changes_since(3).entries == {}


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    AnswerBook(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE answers_about SET format = 99")
    raw.close()
    with pytest.raises(errors.StoreError, match="newer Frontdesk"):
        AnswerBook(path)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    path.write_bytes(b"not a database, certainly not" * 100)
    with pytest.raises(errors.StoreError, match="not a database"):
        AnswerBook(path)


def test_writers_in_many_threads_lose_nothing(book: AnswerBook) -> None:
    def write(who: int) -> None:
        for number in range(10):
            book.put([answer(f"{who}-{number}")], origin="x")

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(book.answers()), book.revision()) == (40, 40)


WRITER = """
import sys
from pathlib import Path
from bot.store.answers import AnswerBook
from retrieval.candidate import PastAnswer
book = AnswerBook(Path(sys.argv[1]))
number = book.revision()
while True:
    number += 1
    name, text = f"e{number % 50}", str(number)
    made = PastAnswer(id=name, lang="en", intent="", questions=("q",), text=text)
    receipt = book.put([made], origin="x")
    print(receipt.revision, number, flush=True)
"""


def test_no_acknowledged_edit_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    for attempt in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(3 + attempt)]
            time.sleep(0.003 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.read().splitlines()
        acknowledged = [line.split() for line in lines if line.strip().count(" ") == 1]
        revision, number = map(int, acknowledged[-1])
        book = AnswerBook(path)
        assert book.revision() >= revision
        texts = {a.id: int(a.text) for a in book.answers()}
        assert texts[f"e{number % 50}"] >= number
        book.close()
