"""BLEU and chrF of replies, as sacrebleu computes them."""

from __future__ import annotations

import pytest

from bot.evaluation import wording


def test_the_same_words_are_a_hundred() -> None:
    said = ["Standard delivery takes three to five working days.", "We ship to Norway too."]
    assert wording.measure(said, [[one] for one in said], "en") == {"bleu": 100.0, "chrf": 100.0}


def test_chinese_is_compared_by_characters() -> None:
    near = wording.measure(["我们三天内送达。"], [["我们五天内送达。"]], "zh")
    assert near["bleu"] > 30
    as_english = wording.measure(["我们三天内送达。"], [["我们五天内送达。"]], "en")
    assert as_english["bleu"] < near["bleu"]


def test_the_nearest_of_several_references_counts() -> None:
    said = ["You can return items within 30 days of delivery.", "Yes, we do that for free."]
    references = [["No returns here at all.", said[0]], [said[1]]]
    assert wording.measure(said, references, "en")["bleu"] == pytest.approx(100)


def test_nothing_said_is_nothing() -> None:
    assert wording.measure([], [], "en") == {"bleu": 0.0, "chrf": 0.0}
    assert wording.measure([""], [["So it is today."]], "en")["bleu"] == 0
