"""Sentences of answers, English and Chinese, and which of them a question is about."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval import excerpts
from retrieval.whitening import unit


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 4.90 EUR, e.g. by card. Mr. Smith pays.",
         ["It costs 4.90 EUR, e.g. by card.", "Mr. Smith pays."]),
        ("Call help@willow.example or +49 30 5550.", ["Call help@willow.example or +49 30 5550."]),
        ("He said “Go.” Then he went.", ["He said “Go.”", "Then he went."]),
        ("请重试。如果仍不行，联系我们！好吗？", ["请重试。", "如果仍不行，联系我们！", "好吗？"]),
        ("他说“好。”然后走了。", ["他说“好。”", "然后走了。"]),
        ("First line\n\nsecond line", ["First line", "second line"]),
        ("先登录。Then click Save.", ["先登录。", "Then click Save."]),
        ("no end", ["no end"]),
    ],
)  # fmt: skip
def test_sentences_are_told_apart(text: str, sentences: list[str]) -> None:
    assert excerpts.split(text) == sentences


def test_nothing_but_spaces_is_lost() -> None:
    text = "Open My Orders → Warranty. Then: 1. choose 2. send!  我们会回复。谢谢"
    assert "".join("".join(excerpts.split(text)).split()) == "".join(text.split())


def test_the_nearest_sentences_are_kept_in_their_order() -> None:
    question = np.array([1, 0, 0], np.float32)
    sentences = unit(np.array([[0.8, 0.6, 0], [0, 0, 1], [0.9, 0, 0.4]], np.float32))
    assert excerpts.choose(question, sentences) == [0, 2]


def test_a_sentence_that_says_the_same_again_gives_way_to_one_that_adds() -> None:
    question = np.array([1, 0, 0], np.float32)
    sentences = unit(np.array([[1, 0.1, 0], [1, 0.12, 0], [0.75, -0.7, 0]], np.float32))
    assert excerpts.choose(question, sentences) == [0, 2]


def test_sentences_far_from_the_question_are_left_out() -> None:
    question = np.array([1, 0], np.float32)
    sentences = unit(np.array([[1, 0], [0.2, 1]], np.float32))
    assert excerpts.choose(question, sentences) == [0]


def test_sentences_are_joined_as_their_script_wants() -> None:
    assert excerpts.joined(["One.", "Two."]) == "One. Two."
    assert excerpts.joined(["一。", "二。"]) == "一。二。"
