"""Index, whitening, vector cache and the search over them, with the real encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from retrieval import whitening
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Side, Vectors
from retrieval.index import ExactIndex, FaissIndex
from retrieval.search import Retriever
from retrieval.vectors import VectorCache

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TRACK = PastAnswer(
    id="track", lang="en", intent="t", questions=("Where is my parcel?",), text="Use the link."
)
TRACK_ZH = dataclasses.replace(
    TRACK, lang="zh", questions=("我的包裹在哪里？",), text="请使用链接。"
)
HOURS = PastAnswer(
    id="hours", lang="en", intent="h", questions=("When are you open?",), text="From 8 to 20."
)


class CountingEncoder:
    """The real encoder, counting the texts that it is asked for."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        self.texts += texts
        return self.encoder.encode(texts, side)


@pytest.fixture
def retriever(encoder: Encoder, tmp_path: Path) -> Retriever:
    return build(encoder, tmp_path, TRACK, TRACK_ZH, HOURS)


def build(encoder: Encoder, folder: Path, *answers: PastAnswer) -> Retriever:
    cache = VectorCache(folder / "v.safetensors", "e5")
    return Retriever(answers, encoder, cache, encoder_id="e5")


def ids(retriever: Retriever, text: str, language: str = "en", channel: str = "rest") -> list[str]:
    query = Query(text=text, language=language, channel=channel, now=NOW)
    [found] = retriever.search([query])
    return [candidate.answer.id for candidate in found]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_faiss_finds_what_the_exact_index_finds(share: float) -> None:
    chance = np.random.default_rng(7)
    vectors = whitening.unit(chance.normal(size=(500, 64)).astype(np.float32))
    mask = chance.uniform(size=500) < share
    query = vectors[3]
    rows, cosines = FaissIndex(vectors).search(query, mask, 20)
    exact_rows, exact_cosines = ExactIndex(vectors).search(query, mask, 20)
    assert rows.tolist() == exact_rows.tolist()
    np.testing.assert_allclose(cosines, exact_cosines, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_whitening_of_few_rows_gives_unit_vectors(rows: int) -> None:
    vectors = whitening.unit(np.random.default_rng(1).normal(size=(rows, 8)).astype(np.float32))
    mapped = whitening.fit(vectors, [f"g{i // 2}" for i in range(rows)]).apply(vectors + 0.1)
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-5)


def test_the_right_answer_stands_first_in_both_languages(retriever: Retriever) -> None:
    assert ids(retriever, "has my package been shipped")[0] == "track"
    assert ids(retriever, "快递到哪儿了", "zh")[0] == "track"
    assert ids(retriever, "what are your opening times")[0] == "hours"


def test_the_language_is_kept_where_an_answer_speaks_it(retriever: Retriever) -> None:
    query = Query(text="快递到哪儿了", language="zh", channel="rest", now=NOW)
    found = {c.answer.id: c.answer.lang for c in retriever.search([query])[0]}
    assert found == {"track": "zh", "hours": "en"}  # the hours are said in English only


def test_candidates_tell_the_parts_of_their_score(retriever: Retriever) -> None:
    query = Query(text="Where is my parcel?", language="en", channel="rest", now=NOW)
    best = retriever.search([query])[0][0]
    assert set(best.parts) == {"question", "answer", "centre"}
    assert best.cosine == pytest.approx(1, abs=0.02)  # int8 vectors depend a little on the batch
    assert best.matched == "Where is my parcel?"


@pytest.mark.parametrize(
    ("change", "channel", "found"),
    [
        ({"enabled": False}, "rest", False),
        ({"channel": "widget"}, "rest", False),
        ({"channel": "widget"}, "widget", True),
        ({"valid_until": NOW - timedelta(seconds=1)}, "rest", False),
        ({"valid_until": NOW}, "rest", True),
        ({"valid_from": NOW + timedelta(seconds=1)}, "rest", False),
        ({"valid_from": NOW}, "rest", True),
    ],
)
def test_only_usable_answers_are_found(
    encoder: Encoder, tmp_path: Path, change: dict[str, object], channel: str, found: bool
) -> None:
    changed = dataclasses.replace(TRACK, **change)  # type: ignore[arg-type]
    retriever = build(encoder, tmp_path, changed, HOURS)
    assert ("track" in ids(retriever, "where is my parcel", channel=channel)) is found


def test_without_answers_nothing_is_found(encoder: Encoder, tmp_path: Path) -> None:
    assert ids(build(encoder, tmp_path), "anything") == []


def test_an_edit_embeds_only_what_is_new(encoder: Encoder, tmp_path: Path) -> None:
    counting = CountingEncoder(encoder)
    cache = VectorCache(tmp_path / "v.safetensors", "e5")
    Retriever([TRACK, HOURS], counting, cache, encoder_id="e5")
    assert len(counting.texts) == 4
    counting.texts.clear()
    later = VectorCache(tmp_path / "v.safetensors", "e5")
    edited = dataclasses.replace(HOURS, text="From 9 to 18.")
    Retriever([TRACK, edited], counting, later, encoder_id="e5")
    assert counting.texts == ["From 9 to 18."]


@pytest.mark.parametrize("damage", [b"", b"not safetensors", b"\xff" * 200])
def test_a_damaged_cache_is_made_anew(encoder: Encoder, tmp_path: Path, damage: bytes) -> None:
    build(encoder, tmp_path, TRACK)
    (tmp_path / "v.safetensors").write_bytes(damage)
    assert ids(build(encoder, tmp_path, TRACK, HOURS), "where is my parcel")[0] == "track"


def test_another_encoders_vectors_are_not_used(encoder: Encoder, tmp_path: Path) -> None:
    build(encoder, tmp_path, TRACK)
    counting = CountingEncoder(encoder)
    cache = VectorCache(tmp_path / "v.safetensors", "another")
    Retriever([TRACK], counting, cache, encoder_id="another")
    assert len(counting.texts) == 2


def test_the_revision_names_the_version(encoder: Encoder, tmp_path: Path) -> None:
    one, same = build(encoder, tmp_path, TRACK, HOURS), build(encoder, tmp_path, HOURS, TRACK)
    edited = build(encoder, tmp_path, TRACK, dataclasses.replace(HOURS, text="Closed."))
    assert one.revision == same.revision != edited.revision
