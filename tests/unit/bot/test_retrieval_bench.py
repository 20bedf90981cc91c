"""The benchmark measures what it says, in small."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bot import edit_bench, errors, retrieval_bench
from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Vectors

PAIRS = [
    (f"Is there {thing}?", f"Yes, {thing}.")
    for thing in ("parking", "a pool", "breakfast", "a gym")
]


def vectors(rows: int) -> Vectors:
    found = np.random.default_rng(1).normal(size=(rows, 48))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def test_every_code_comes_first(encoder: Encoder, tmp_path: Path) -> None:
    figures = retrieval_bench.codes(encoder, tmp_path)
    assert figures["codes"] == 200
    assert figures["share"] >= 0.99


def test_equal_texts_have_equal_vectors_and_phrasings_lie_near() -> None:
    encoder = retrieval_bench.AroundReal(vectors(30))
    one, same, near, far = encoder.encode(["a pool 1", "a pool 1", "a pool 2", "the gym 1"])
    assert one @ same == pytest.approx(1, abs=1e-5)
    assert one @ near > 0.6 > one @ far


def test_dense_search_is_compared_with_the_exact_one() -> None:
    figures = retrieval_bench.dense(vectors(40), 500)
    assert (figures["entries"], figures["recall@10"]) == (500, 1.0)


def test_the_whole_search_is_timed(tmp_path: Path) -> None:
    figures = retrieval_bench.hybrid(PAIRS, vectors(30), 60, tmp_path)
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]


def test_no_edit_is_stale(tmp_path: Path) -> None:
    figures = edit_bench.edits(PAIRS, vectors(30), tmp_path, size=80, count=8)
    assert (figures["edits"], figures["stale"]) == (8, 0)
    assert 0 < figures["p50_s"] <= figures["p99_s"]


def test_a_kill_loses_nothing_and_the_index_equals_the_database(tmp_path: Path) -> None:
    figures = edit_bench.kills(tmp_path, 2)
    assert (figures["kills"], figures["lost"], figures["index_differs"]) == (2, 0, 0)
    assert figures["acknowledged"] >= 2


def test_the_questions_are_different_and_a_missing_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="dstc9_faq"):
        retrieval_bench.real_pairs(tmp_path)
    (tmp_path / "dstc9_faq").mkdir()
    path = tmp_path / "dstc9_faq" / "test.csv"
    rows = [["question", "answer"], ["a", "x"], ["b", "y"], ["a", "z"]]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert sorted(retrieval_bench.real_pairs(tmp_path)) == [("a", "z"), ("b", "y")]
