"""Messages that lean on the question before them."""

from __future__ import annotations

from typing import Any

import pytest

from bot import following
from bot.domain import Event, Language, StoredEvent, Understanding, Versions
from retrieval.candidate import Candidate, PastAnswer

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


def found(name: str, score: float) -> Candidate:
    answer = PastAnswer(id=name, lang="en", intent="", questions=("?",), text="x")
    return Candidate(answer=answer, score=score, cosine=0.9, matched="?")


def understood(confidence: float, **scores: float) -> Understanding:
    versions = Versions(classifier="c", encoder="e", knowledge="k")
    ranked = sorted((found(n, s) for n, s in scores.items()), key=lambda one: -one.score)
    return Understanding(language=EN, prediction=None, candidates=tuple(ranked),
                         confidence=confidence, versions=versions)  # fmt: skip


def test_both_readings_speak_for_an_answer_and_the_one_given_is_out() -> None:
    before = understood(0.9, standard=20, express=10, fee=4)
    alone = understood(0.1, fee=9.0, express=8.0)
    together = understood(0.9, standard=19, express=16, fee=14)
    combined = following.combined(before, alone, together)
    assert [(c.answer.id, round(c.score, 1)) for c in combined] == [
        ("express", 21.6),
        ("fee", 20.3),
    ]


def test_a_message_that_adds_nothing_is_not_read_together() -> None:
    before = understood(0.9, instalments=20, interest=12)
    weather = understood(0.0, holidays=2.7)
    together = understood(0.5, instalments=15, interest=9)
    assert following.combined(before, weather, together) == ()


def test_the_more_probable_reading_is_taken() -> None:
    assert following.is_better(understood(0.3), 0.8, said_to_lean=False)
    assert not following.is_better(understood(0.8), 0.3, said_to_lean=False)
    assert not following.is_better(understood(0.8), 0.3, said_to_lean=True)


def test_words_that_lean_are_read_together_when_it_is_close() -> None:
    assert following.is_better(understood(0.6), 0.5, said_to_lean=True)
    assert not following.is_better(understood(0.6), 0.5, said_to_lean=False)
