"""The answers database in a file and in PostgreSQL: the same receipts, the same changes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store.answers import AnswerBook, Receipt
from retrieval.candidate import PastAnswer


def answer(name: str, text: str = "So.", lang: str = "en") -> PastAnswer:
    return PastAnswer(id=name, lang=lang, intent="i", questions=(f"{name}?",), text=text)


@pytest.fixture
def place(url: str) -> Path | str:
    """Where an empty answers database is to be."""
    if url.startswith("postgresql"):
        return url
    return Path(url.removeprefix("sqlite:///")).with_name("answers.db")


@pytest.fixture
def book(place: Path | str) -> Iterator[AnswerBook]:
    """An empty answers database."""
    opened = AnswerBook(place)
    yield opened
    opened.close()


def test_receipts_and_changes(book: AnswerBook) -> None:
    assert book.put([answer("a"), answer("b")], origin="x") == Receipt(revision=1, added=2)
    assert book.put([answer("a", "Other.")], origin="x") == Receipt(revision=2, changed=1)
    assert book.put([answer("a", "Other.")], origin="x") == Receipt(revision=2, unchanged=1)
    assert book.remove(["b", "unknown"]) == Receipt(revision=3, removed=1)
    changes = book.changes_since(1)
    assert (changes.revision, changes.entries) == (3, {"a": (answer("a", "Other."),), "b": ()})
    assert book.answers() == (answer("a", "Other."),)


def test_sync_takes_over_and_removes_what_is_of_its_origin(book: AnswerBook) -> None:
    book.put([answer("mine"), answer("taken")], origin="other")
    book.sync([answer("a"), answer("taken")], origin="x")
    assert book.sync([answer("a")], origin="x") == Receipt(revision=3, unchanged=1, removed=1)
    assert {a.id for a in book.answers()} == {"mine", "a"}


def test_languages_are_those_of_living_answers(book: AnswerBook) -> None:
    assert book.languages() == frozenset()
    book.put([answer("a"), answer("b", "好。", "zh")], origin="x")
    assert book.languages() == {"en", "zh"}
    book.remove(["b"])
    assert book.languages() == {"en"}


def test_everything_comes_back_as_it_was(book: AnswerBook) -> None:
    whole = dataclasses.replace(
        answer("a", "好的。🙂"), channel="widget", audience="staff", enabled=False, source="f:1",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=datetime(2026, 2, 1, tzinfo=UTC),
    )  # fmt: skip
    book.put([whole], origin="x")
    assert book.answers() == (whole,)


def test_another_server_sees_what_was_written(book: AnswerBook, place: Path | str) -> None:
    other = AnswerBook(place)
    receipt = book.put([answer("a")], origin="x")
    assert other.revision() == receipt.revision
    assert other.answers() == (answer("a"),)
    other.close()


def test_writers_side_by_side_lose_nothing(book: AnswerBook, place: Path | str) -> None:
    def write(number: int) -> None:
        own = AnswerBook(place)
        for step in range(5):
            own.put([answer(f"{number}-{step}")], origin="x")
        own.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(book.answers()) == 20
    assert book.revision() == 20
