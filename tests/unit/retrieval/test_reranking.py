"""What a reranker's word does to the order of candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from retrieval import reranking
from retrieval.candidate import Candidate, PastAnswer


class Lengths:
    """Likes long texts."""

    weight = 0.5

    def __init__(self) -> None:
        self.read: list[str] = []

    def scores(self, query: str, texts: Sequence[str]) -> np.ndarray:
        del query
        self.read = list(texts)
        return np.array([len(text) for text in texts], np.float32)


def candidate(question: str, score: float, text: str = "") -> Candidate:
    answer = PastAnswer(
        id=question, lang="en", intent="", questions=(question,), text=text or question
    )
    return Candidate(answer=answer, score=score, cosine=0.5, matched=question)


def test_the_first_ones_are_read_again_and_the_rest_stay_behind() -> None:
    found = [candidate("q" * (n + 1), 10.0 - n) for n in range(reranking.DEPTH + 2)]
    judge = Lengths()
    after = reranking.again("?", found, judge)
    assert judge.read == [c.matched for c in found[: reranking.DEPTH]]
    assert [c.answer.id for c in after[-2:]] == [c.answer.id for c in found[-2:]]
    scores = [c.score for c in after]
    assert scores == sorted(scores, reverse=True)
    assert {c.answer.id for c in after} == {c.answer.id for c in found}


def test_the_gain_is_a_part_of_the_score() -> None:
    best, other = candidate("long question", 1.0), candidate("q", 2.0)
    after = reranking.again("?", [other, best], Lengths())
    assert [c.answer.id for c in after] == ["long question", "q"]
    assert after[0].parts["rerank"] == 0.0
    assert after[1].parts["rerank"] == pytest.approx(-0.5 * 12)
    assert after[1].score == pytest.approx(2.0 - 6.0)


def test_one_candidate_is_not_read() -> None:
    judge = Lengths()
    assert reranking.again("?", [candidate("q", 1.0)], judge) == [candidate("q", 1.0)]
    assert judge.read == []


def test_question_and_beginning_of_the_answer_are_read() -> None:
    assert reranking.text_of("q", "q") == "q"
    assert reranking.text_of("q", "a" * 999) == "q\n" + "a" * reranking.ANSWER_CHARS
