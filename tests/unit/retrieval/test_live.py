"""An index that follows the database: never older than asked for, and equal to it in the end."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store.answers import AnswerBook
from retrieval import errors, live, search
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.live import LiveRetriever
from retrieval.search import Retriever
from retrieval.vectors import TextEncoder, VectorCache

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
Make = Callable[[Sequence[PastAnswer]], Retriever]


def answer(number: int, text: str = "So.", lang: str = "en") -> PastAnswer:
    return PastAnswer(
        id=f"e{number}", lang=lang, intent="", questions=(f"what of thing {number * 7919}?",),
        text=text,
    )  # fmt: skip


def query(number: int, revision: int = 0) -> Query:
    return Query(
        text=f"what of thing {number * 7919}?", language="en", channel="", now=NOW, k=5,
        min_revision=revision,
    )  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AnswerBook]:
    """A database with 40 entries."""
    opened = AnswerBook(tmp_path / "answers.db")
    opened.put([answer(number) for number in range(40)], origin="x")
    yield opened
    opened.close()


@pytest.fixture
def make(hashing: TextEncoder, tmp_path: Path) -> Make:
    """Builds retrievers without a network."""

    def made(answers: Sequence[PastAnswer]) -> Retriever:
        cache = VectorCache(tmp_path / "h.safetensors", "h")
        return Retriever(answers, hashing, cache, encoder_id="h")

    return made


def said(found: list[list[Candidate]]) -> tuple[str, str]:
    return found[0][0].answer.id, found[0][0].answer.text


def test_a_search_with_a_receipt_sees_the_edit(book: AnswerBook, make: Make) -> None:
    index = LiveRetriever(book, make)
    receipt = book.put([answer(3, "New.")], origin="x")
    assert said(index.search([query(3)])) == ("e3", "So.")
    assert said(index.search([query(3, receipt.revision)])) == ("e3", "New.")
    assert index.reached == receipt.revision


def test_a_search_with_a_receipt_never_sees_what_was_deleted(book: AnswerBook, make: Make) -> None:
    index = LiveRetriever(book, make)
    receipt = book.remove(["e3"])
    found = index.search([query(3, receipt.revision)])[0]
    assert "e3" not in [candidate.answer.id for candidate in found]
    assert len(found) == 5


def test_a_revision_that_nobody_wrote_is_an_error(
    book: AnswerBook, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAIT_S", 0.02)
    with pytest.raises(errors.StaleIndex, match="revision 99"):
        LiveRetriever(book, make).search([query(3, 99)])


def test_an_empty_database_can_be_filled(tmp_path: Path, make: Make) -> None:
    book = AnswerBook(tmp_path / "empty.db")
    index = LiveRetriever(book, make)
    assert index.search([query(1)]) == [[]]
    receipt = book.put([answer(1)], origin="x")
    assert said(index.search([query(1, receipt.revision)])) == ("e1", "So.")
    book.close()


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_the_index_equals_the_database(
    book: AnswerBook, make: Make, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(search, "FRESH_LEAST", 2)
    monkeypatch.setattr(search, "COMPACTED", 4)
    dice = random.Random(seed)  # noqa: S311 - no secret
    index = LiveRetriever(book, make)
    for step in range(60):
        number = dice.randrange(50)
        if dice.random() < 0.3:
            book.remove([f"e{number}"])
        else:
            lang = dice.choice(["en", "zh"])
            book.put([answer(number, f"Said {step}.", lang)], origin="x")
        index.catch_up()
        if dice.random() < 0.1:
            index.compact()
    current = index.current
    truth = {a.id: () for a in book.answers()}
    entries = {name: tuple(a for a in book.answers() if a.id == name) for name in truth}
    assert {name: current.entry(name) for name in current.names()} == entries
    for number in range(50):
        best = index.search([query(number)])[0][0].answer
        assert (best.id == f"e{number}") == (f"e{number}" in entries)


def test_compaction_keeps_what_was_edited_meanwhile(book: AnswerBook, make: Make) -> None:
    index = LiveRetriever(book, make)
    book.remove([f"e{number}" for number in range(20)])
    index.catch_up()
    assert index.current.is_scattered
    stop = threading.Event()

    def edit() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            book.put([answer(30, f"Said {number}.")], origin="x")
            index.catch_up()

    editor = threading.Thread(target=edit)
    editor.start()
    assert index.compact()
    stop.set()
    editor.join()
    (truth,) = (a for a in book.answers() if a.id == "e30")
    index.catch_up()
    assert index.current.entry("e30") == (truth,)
    assert index.current.entry("e3") is None
    assert sum(index.current.sizes) == 20


def test_an_edit_embeds_only_what_changed(counting_hash: TextEncoder, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "c.safetensors", "h")
    before = Retriever([answer(n) for n in range(30)], counting_hash, cache, encoder_id="h")
    counting_hash.asked.clear()  # type: ignore[attr-defined]
    changed = dataclasses.replace(answer(4), text="Something new.")
    after = before.edited({"e4": [changed]}, [], revision="2")
    assert [text for _, text in counting_hash.asked] == ["Something new."]  # type: ignore[attr-defined]
    assert (before.entry("e4"), after.entry("e4")) == ((answer(4),), (changed,))
