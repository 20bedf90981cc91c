"""Messages that lean on the question before them."""

from __future__ import annotations

from typing import Any

import pytest

from bot import following
from bot.domain import Event, Language, StoredEvent, Understanding, Versions

EN, ZH = Language.EN, Language.ZH


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("and for gift cards?", EN, True),
        ("what about gift cards", EN, True),
        ("ok, and if it is broken?", EN, True),
        ("does it expire?", EN, True),
        ("gift cards", EN, True),
        ("How do I return a pair of shoes?", EN, False),
        ("Android app does not open for me", EN, False),
        ("那礼品卡呢？", ZH, True),
        ("会过期吗？", ZH, True),
        ("如果已经发货了怎么办呢", ZH, True),
        ("你们支持哪些支付方式？", ZH, False),
    ],
)
def test_what_leans_is_told_from_its_words(text: str, language: Language, expected: bool) -> None:
    assert following.leans(text, language) is expected


def test_the_joined_question_reads_as_one() -> None:
    joined = following.joined("How do I get a refund?", "and for gift cards?", EN)
    assert joined == "How do I get a refund, for gift cards?"
    assert following.joined("怎么退款？", "那礼品卡呢？", ZH) == "怎么退款，礼品卡呢？"


def event(name: str, text: str, **data: Any) -> StoredEvent:
    return StoredEvent(seq=1, event=Event(name=name, timestamp=0.0, data={"text": text, **data}))


def test_the_question_before_is_the_visitors_last_words() -> None:
    said = [event("user", "first"), event("user", "How?"), event("bot", "So.")]
    assert following.question_before(said) == "How?"
    assert following.question_before([event("bot", "So.")]) == ""


def test_a_pressed_button_counts_by_its_title() -> None:
    pressed = event("user", "/choose{}", metadata={"title": "How do refunds work?"})
    assert following.question_before([pressed]) == "How do refunds work?"
    assert following.question_before([event("user", "/restart")]) == ""


def understood(confidence: float) -> Understanding:
    versions = Versions(classifier="c", encoder="e", knowledge="k")
    return Understanding(language=EN, prediction=None, candidates=(), confidence=confidence,
                         versions=versions)  # fmt: skip


def test_the_more_probable_reading_is_taken() -> None:
    sure, unsure = understood(0.8), understood(0.3)
    assert following.better(unsure, sure, said_to_lean=False) is sure
    assert following.better(sure, unsure, said_to_lean=False) is sure
    assert following.better(sure, unsure, said_to_lean=True) is sure


def test_words_that_lean_are_read_together_when_it_is_close() -> None:
    alone, together = understood(0.6), understood(0.5)
    assert following.better(alone, together, said_to_lean=True) is together
    assert following.better(alone, together, said_to_lean=False) is alone
