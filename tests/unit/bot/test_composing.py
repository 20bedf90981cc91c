"""Questions that ask several things, and replies put together from several answers."""

from __future__ import annotations

import pytest

from bot import composing
from bot.domain import Language, Part
from retrieval.candidate import Candidate, PastAnswer


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("How long does delivery take and can I pay by invoice?",
         ("How long does delivery take", "can I pay by invoice?")),
        ("Where are you? Also, when are you open?", ("Where are you?", "when are you open?")),
        ("I live in Spain. Do you ship there, and what does it cost?",
         ("I live in Spain. Do you ship there", "what does it cost?")),
        ("My lamp and my chair are broken", ("My lamp and my chair are broken",)),
        ("How do I return shoes and socks?", ("How do I return shoes and socks?",)),
        ("Thanks! How do I pay?", ("Thanks! How do I pay?",)),
    ],
)  # fmt: skip
def test_an_english_question_is_told_apart(text: str, parts: tuple[str, ...]) -> None:
    assert composing.parts_of(text, Language.EN) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("配送要多久，另外可以货后付款吗？", ("配送要多久", "可以货后付款吗？")),
        ("我住在上海，你们送货吗？运费多少？", ("我住在上海，你们送货吗？", "运费多少？")),
        ("我的包裹坏了，很生气", ("我的包裹坏了，很生气",)),
        ("怎么付款？", ("怎么付款？",)),
    ],
)
def test_a_chinese_question_is_told_apart(text: str, parts: tuple[str, ...]) -> None:
    assert composing.parts_of(text, Language.ZH) == parts


def part(name: str, confidence: float) -> Part:
    answer = PastAnswer(id=name, lang="en", intent="", questions=(f"{name}?",), text="x",
                        source="a.csv:3")  # fmt: skip
    found = Candidate(answer=answer, score=1.0, cosine=0.9, matched="x")
    return Part(question="q", candidate=found, confidence=confidence, text="Two days.")


def test_a_reply_is_composed_only_if_every_part_is_probably_right() -> None:
    sure, unsure = part("a", 0.9), part("b", 0.5)
    assert composing.composed([sure, part("c", 0.7)], 0.6) == (sure, part("c", 0.7))
    assert composing.composed([sure, unsure], 0.6) == ()
    assert composing.composed([sure, unsure], 0) == ()


def test_one_answer_to_all_parts_is_no_composition() -> None:
    assert composing.composed([part("a", 0.9), part("a", 0.8)], 0.6) == ()
    three = [part("a", 0.9), part("b", 0.9), part("a", 0.8)]
    assert [p.candidate.answer.id for p in composing.composed(three, 0.6)] == ["a", "b"]


def test_the_visitor_reads_the_source() -> None:
    assert composing.words(part("fees", 0.9), Language.EN) == "Two days.\nFrom: fees?"
    assert composing.words(part("fees", 0.9), Language.ZH) == "Two days.\n出处：fees?"
