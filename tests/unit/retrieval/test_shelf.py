"""The large segment on disk: equal to the database when it is loaded, or not loaded at all."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval import arrays, errors, index, search, segment
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.spec import Side, Vectors
from retrieval.search import Retriever
from retrieval.segment import entries_of
from retrieval.shelf import Shelf, own_key
from retrieval.vectors import TextEncoder, VectorCache

KEY = b"k" * 32
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
THINGS = ["parcel", "refund", "invoice", "voucher", "password", "warranty", "address", "basket"]
MADE_WITH = "h+"


def answer(number: int, text: str = "So it is.") -> PastAnswer:
    thing = THINGS[number % len(THINGS)]
    return PastAnswer(
        id=f"e{number}", lang="en", intent="", text=text,
        questions=(f"what of {thing} A{number * 7919}?", f"and the {thing} no {number}"),
    )  # fmt: skip


ANSWERS = [answer(number) for number in range(60)]


class Counting:
    """Passes everything on to an encoder and counts the texts."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self.count = 0

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        self.count += len(texts)
        return self._encoder.encode(texts, side)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty answers are a large collection here."""
    monkeypatch.setattr(index, "FLAT_ROWS", 20)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty shelf."""
    return Shelf(tmp_path / "index" / "h.safetensors", KEY)


def retriever(
    answers: Sequence[PastAnswer], encoder: TextEncoder, shelf: Shelf, folder: Path
) -> Retriever:
    cache = VectorCache(folder / "h.safetensors", "h")
    return Retriever(answers, encoder, cache, encoder_id="h", shelf=shelf)


def best(found: Retriever, number: int) -> list[tuple[str, str, float]]:
    query = Query(text=ANSWERS[number].questions[0], language="en", channel="", now=NOW, k=5)
    return [(c.answer.id, c.answer.text, round(c.score, 2)) for c in found.search([query])[0]]


def test_what_was_kept_is_searched_as_what_was_built(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path
) -> None:
    built = retriever(ANSWERS, hashing, shelf, tmp_path)
    encoder = Counting(hashing)
    loaded = retriever(ANSWERS, encoder, shelf, tmp_path)
    assert encoder.count == 0
    for number in range(0, 60, 7):
        assert best(loaded, number) == best(built, number)
    assert {name: loaded.entry(name) for name in loaded.names()} == entries_of(ANSWERS)


def test_what_changed_since_is_taken_from_the_database(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FRESH_LEAST", 24)  # so few entries would go into one segment
    retriever(ANSWERS, hashing, shelf, tmp_path)
    edited = [answer(0, "New."), *ANSWERS[2:50], answer(99)]
    encoder = Counting(hashing)
    loaded = retriever(edited, encoder, shelf, tmp_path)
    assert {name: loaded.entry(name) for name in loaded.names()} == entries_of(edited)
    assert loaded.sizes == (48, 2)
    assert 0 < encoder.count <= 4
    assert best(loaded, 0)[0][:2] == ("e0", "New.")
    assert "e1" not in [name for name, _, _ in best(loaded, 1)]


def test_a_mostly_new_database_is_built_anew(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path
) -> None:
    retriever(ANSWERS, hashing, shelf, tmp_path)
    others = [answer(number, "Other.") for number in range(40)]
    assert retriever(others, hashing, shelf, tmp_path).sizes == (40,)


def test_an_index_of_another_encoder_or_key_is_not_loaded(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path
) -> None:
    retriever(ANSWERS, hashing, shelf, tmp_path)
    entries = entries_of(ANSWERS)
    path = tmp_path / "index" / "h.safetensors"
    assert shelf.load(entries, MADE_WITH) is not None
    assert shelf.load(entries, "other+") is None
    assert Shelf(path, b"x" * 32).load(entries, MADE_WITH) is None
    assert Shelf(tmp_path / "none", KEY).load(entries, MADE_WITH) is None


def test_of_a_thousand_damaged_files_none_is_loaded(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path
) -> None:
    built = retriever(ANSWERS, hashing, shelf, tmp_path)
    path = tmp_path / "index" / "h.safetensors"
    whole = path.read_bytes()
    entries, dice = entries_of(ANSWERS), random.Random(7)  # noqa: S311 - no secret
    loaded = 0
    for _ in range(1000):
        place = dice.choice((dice.randrange(600), dice.randrange(len(whole))))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        loaded += shelf.load(entries, MADE_WITH) is not None
    assert loaded == 0
    again = retriever(ANSWERS, hashing, shelf, tmp_path)  # it makes a good one by itself
    assert best(again, 3) == best(built, 3)
    assert shelf.load(entries, MADE_WITH) is not None


@pytest.mark.parametrize("rest", [b"", b"\x80\x04\x95", b"\xff" * 100, b"\0" * 5000])
def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(rest)
    with pytest.raises(errors.ArtifactError, match="cannot be used"):
        arrays.read(path)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.safetensors"
    kept: dict[str, NDArray[Any]] = {
        "a": np.arange(12, dtype=np.float16).reshape(3, 4),
        "none": np.empty((0, 2), np.uint64),
        "b": np.array([True, False]),
    }
    arrays.write(path, kept, {"made": "today"}, key=KEY)
    found, about = arrays.read(path, key=KEY)
    assert about == {"made": "today"}
    for name, array in kept.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert [p.name for p in path.parent.iterdir()] == ["x.safetensors"]


def test_compaction_puts_the_new_segment_on_the_shelf(
    hashing: TextEncoder, shelf: Shelf, tmp_path: Path
) -> None:
    first = retriever(ANSWERS, hashing, shelf, tmp_path)
    fresh = [answer(number, "Newer.") for number in range(20)]
    after = first.edited({a.id: (a,) for a in fresh}, (), revision="2").compacted()
    stored = shelf.load(entries_of([*fresh, *ANSWERS[20:]]), MADE_WITH)
    assert stored is not None
    assert stored.layer.size == 60
    assert after.sizes == (60,)


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "index.key"
    key = own_key(path)
    assert own_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o077 == 0


def test_who_may_find_what_holds_between_two_limits_of_validity(hashing: TextEncoder) -> None:
    until = dataclasses.replace(ANSWERS[0], valid_until=NOW)
    built = segment.build({"e0": (until,)}, hashing.encode(["a", "b", "c"]), None)
    asked = Query(text="", language="en", channel="", now=NOW)
    later = dataclasses.replace(asked, now=datetime(2026, 3, 15, 12, 0, 1, tzinfo=UTC))
    keys = [built.access.key(query) for query in (asked, later)]
    assert [built.access.usable(key).tolist() for key in keys] == [[True], [False]]
