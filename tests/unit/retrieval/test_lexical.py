"""BM25 against a plain computation, under masks, over segments, and with its bound on work."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from retrieval import lexical, tokens
from retrieval.lexical import K1, B, LexicalIndex

TEXTS = [
    "How can I return my order?",
    "Where is my order AB-1234?",
    "怎么退货",
    "我的订单AB-1234在哪",
    "refund of a gift card",
    "",
]
WORDS = [tokens.terms(text) for text in TEXTS]


def plain_scores(query: str) -> list[float]:
    """BM25 by its formula, divided by the highest that the query can reach."""
    average = sum(map(len, WORDS)) / len(WORDS)
    terms = list(dict.fromkeys(tokens.terms(query)))
    frequency = {t: sum(t in words for words in WORDS) for t in terms}
    idf = {t: math.log(1 + (len(WORDS) - f + 0.5) / (f + 0.5)) for t, f in frequency.items()}
    ceiling = sum(idf.values()) * (K1 + 1)
    found = []
    for words in WORDS:
        counts = Counter(words)
        length = K1 * (1 - B + B * len(words) / average)
        score = sum(idf[t] * counts[t] * (K1 + 1) / (counts[t] + length) for t in terms)
        found.append(score / ceiling)
    return found


@pytest.mark.parametrize("query", ["my order", "怎么退货啊", "AB 1234", "where is ab-1234", "zzz"])
def test_scores_are_those_of_the_formula(query: str) -> None:
    index = LexicalIndex.build(WORDS)
    matches = index.match(lexical.prepare(query, [index]))
    np.testing.assert_allclose(matches.of(np.arange(len(TEXTS))), plain_scores(query), atol=1e-6)


def test_the_best_rows_come_up_and_a_mask_holds() -> None:
    index = LexicalIndex.build(WORDS)
    matches = index.match(lexical.prepare("order AB-1234", [index]))
    assert set(matches.top(None, 2).tolist()) == {1, 3}
    mask = np.array([True, False, True, True, True, True])
    assert set(matches.top(mask, 2).tolist()) == {0, 3}
    assert matches.top(np.zeros(6, np.bool_), 2).tolist() == []


def test_two_segments_weigh_terms_as_one_would() -> None:
    whole = LexicalIndex.build(WORDS)
    parts = [LexicalIndex.build(WORDS[:3]), LexicalIndex.build(WORDS[3:])]
    assert lexical.prepare("my order AB-1234", parts) == lexical.prepare(
        "my order AB-1234", [whole]
    )


def test_frequent_terms_only_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "POSTINGS", 1)
    index = LexicalIndex.build(WORDS)
    matches = index.match(lexical.prepare("my order gift", [index]))
    assert matches.top(None, 5).tolist() == [4]  # found by its rarest term alone
    np.testing.assert_allclose(
        matches.of(np.arange(len(TEXTS))), plain_scores("my order gift"), atol=1e-6
    )


def test_no_texts_match_nothing() -> None:
    index = LexicalIndex.build([])
    assert index.match(lexical.prepare("order", [index])).top(None, 3).tolist() == []
