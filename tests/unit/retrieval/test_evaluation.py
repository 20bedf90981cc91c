"""Ranking metrics against values computed by hand, and broken collections."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from retrieval import errors, evaluation


def test_metrics_are_those_of_the_books() -> None:
    ranked = {"q1": ["a", "b", "c"], "q2": ["x", "c", "d"], "q3": ["x", "y"]}
    relevant = {"q1": {"a": 1}, "q2": {"c": 1, "d": 1}, "q3": {"z": 1}}
    found = evaluation.metrics(ranked, relevant)
    assert found["recall@1"] == pytest.approx(1 / 3)
    assert found["recall@5"] == pytest.approx(2 / 3)
    assert found["mrr@10"] == pytest.approx((1 + 1 / 2) / 3)
    assert found["map"] == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 3)
    gain = 1 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@10"] == pytest.approx((1 + gain / (1 + 1 / math.log2(3))) / 3)


def test_what_stands_after_the_tenth_does_not_count() -> None:
    ranked = {"q": [*map(str, range(10)), "a"]}
    found = evaluation.metrics(ranked, {"q": {"a": 1}})
    assert (found["mrr@10"], found["recall@10"]) == (0.0, 0.0)
    assert found["map"] == pytest.approx(1 / 11)


def collection(folder: Path) -> None:
    (folder / "qrels").mkdir()
    rows = [{"_id": "d1", "text": "Open?\n9 to 18."}, {"_id": "d2", "text": "怎么退货"}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    queries = [{"_id": "q1", "text": "hours"}, {"_id": "q2", "text": "nothing fits"}]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t0\n"
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")


def test_a_folder_is_read(tmp_path: Path) -> None:
    collection(tmp_path)
    found = evaluation.read_beir(tmp_path)
    assert [(a.lang, a.questions, a.text) for a in found.answers] == [
        ("en", ("Open?",), "9 to 18."),
        ("zh", ("怎么退货",), "怎么退货"),
    ]
    assert found.queries == {"q1": "hours"}


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    collection(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(errors.CorpusError) as caught:
        evaluation.read_beir(tmp_path)
    assert caught.value.path.endswith(name)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    collection(tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "x"}\n{"_id": "d2"}\n')
    with pytest.raises(errors.CorpusError) as caught:
        evaluation.read_beir(tmp_path)
    assert caught.value.line == 2
