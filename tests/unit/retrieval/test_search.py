"""Search over real vectors: meaning, language, channel, validity, and edits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from bot.knowledge.model import Knowledge
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.spec import Side, Vectors
from retrieval.scoring import HYBRID
from retrieval.search import Retriever, rows_of
from retrieval.vectors import VectorCache

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


class Counting(Protocol):
    """The real encoder, with a record of what it was asked."""

    asked: list[tuple[Side, str]]

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (n, dim)."""


def answer(id_: str, lang: str, questions: str, text: str) -> PastAnswer:
    phrasings = tuple(questions.split(" | "))
    return PastAnswer(id=id_, lang=lang, intent=id_, questions=phrasings, text=text)


TRACK_EN = answer(
    "track", "en", "How can I track my parcel? | where is my order", "Use the tracking link."
)
TRACK_ZH = answer("track", "zh", "怎么查物流？ | 我的快递到哪了", "请点击物流链接。")
PAY_EN = answer("pay", "en", "Which ways to pay are there? | do you take cards", "Visa, PayPal.")
PAY_ZH = answer("pay", "zh", "有哪些付款方式？ | 能刷卡吗", "支持支付宝。")
HOURS_EN = answer("hours", "en", "When are you open? | opening hours", "Monday to Friday, 9 to 18.")
ANSWERS = [TRACK_EN, TRACK_ZH, PAY_EN, PAY_ZH, HOURS_EN]


def query(text: str, language: str = "en", channel: str = "rest", now: datetime = NOW) -> Query:
    return Query(text=text, language=language, channel=channel, now=now)


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    """A cache that knows nothing yet."""
    return VectorCache(tmp_path / "e5.safetensors", "e5")


def found(
    answers: Sequence[PastAnswer], encoder: Counting, cache: VectorCache, asked: Query
) -> list[tuple[str, str]]:
    retriever = Retriever(answers, encoder, cache, encoder_id="e5")
    return [(c.answer.id, c.answer.lang) for c in retriever.search([asked])[0]]


def test_the_meaning_is_found_not_the_words(counting: Counting, cache: VectorCache) -> None:
    retriever = Retriever(ANSWERS, counting, cache, encoder_id="e5")
    texts = [
        "my package has not shown up yet",
        "can I use my credit card",
        "are you there on Monday",
    ]
    best = [candidates[0].answer.id for candidates in retriever.search([query(t) for t in texts])]
    assert best == ["track", "pay", "hours"]


def test_a_candidate_says_how_it_was_found(counting: Counting, cache: VectorCache) -> None:
    retriever = Retriever(ANSWERS, counting, cache, encoder_id="e5")
    candidates = retriever.search([query("where is my order")])[0]
    best = candidates[0]
    assert (best.answer, best.matched) == (TRACK_EN, "where is my order")
    assert best.cosine == pytest.approx(1, abs=0.02)  # int8: a text differs a little by its batch
    weights = HYBRID.weights(len(TRACK_EN.questions))
    assert best.score == pytest.approx(sum(weights[n] * v for n, v in best.parts.items()))
    assert set(best.parts) == {"question", "answer", "centre", "words", "answer_words"}
    assert 0 < best.probability < 1
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)


def test_an_answer_is_given_in_the_language_of_the_query(
    counting: Counting, cache: VectorCache
) -> None:
    assert found(ANSWERS, counting, cache, query("快递呢", "zh"))[0] == ("track", "zh")
    in_english = found(ANSWERS, counting, cache, query("快递呢", "en"))
    assert in_english[0] == ("track", "en")
    assert {lang for _, lang in in_english} == {"en"}


def test_an_answer_that_lacks_the_language_is_given_in_another(
    counting: Counting, cache: VectorCache
) -> None:
    everything = found(ANSWERS, counting, cache, query("你们几点开门？", "zh"))
    assert everything[0] == ("hours", "en")
    assert set(everything) == {("hours", "en"), ("track", "zh"), ("pay", "zh")}


def test_an_answer_of_one_channel_is_not_given_on_another(
    counting: Counting, cache: VectorCache
) -> None:
    answers = [dataclasses.replace(TRACK_EN, channel="widget"), PAY_EN]
    asked = "where is my order"
    assert found(answers, counting, cache, query(asked, channel="rest")) == [("pay", "en")]
    assert found(answers, counting, cache, query(asked, channel="widget"))[0] == ("track", "en")


@pytest.mark.parametrize(
    ("now", "ids"),
    [
        (NOW - timedelta(days=1, seconds=1), ["pay"]),
        (NOW - timedelta(days=1), ["track", "pay"]),
        (NOW, ["track", "pay"]),
        (NOW + timedelta(days=1), ["track", "pay"]),
        (NOW + timedelta(days=1, seconds=1), ["pay"]),
    ],
)
def test_an_answer_is_given_only_while_it_is_valid(
    counting: Counting, cache: VectorCache, now: datetime, ids: list[str]
) -> None:
    day = timedelta(days=1)
    limited = dataclasses.replace(TRACK_EN, valid_from=NOW - day, valid_until=NOW + day)
    candidates = found([limited, PAY_EN], counting, cache, query("where is my order", now=now))
    assert [id_ for id_, _ in candidates] == ids


def test_a_disabled_answer_is_never_given(counting: Counting, cache: VectorCache) -> None:
    answers = [dataclasses.replace(TRACK_EN, enabled=False), PAY_EN]
    assert found(answers, counting, cache, query("where is my order")) == [("pay", "en")]


def test_nothing_usable_gives_nothing(counting: Counting, cache: VectorCache) -> None:
    answers = [dataclasses.replace(TRACK_EN, enabled=False)]
    assert found(answers, counting, cache, query("where is my order")) == []


def test_no_answers_and_no_queries_give_nothing(counting: Counting, cache: VectorCache) -> None:
    assert Retriever([], counting, cache, encoder_id="e5").search([query("hi")]) == [[]]
    assert Retriever(ANSWERS, counting, cache, encoder_id="e5").search([]) == []


@pytest.mark.parametrize("answers", [[TRACK_EN], [TRACK_EN, PAY_ZH]])
def test_tiny_corpora_are_searched(
    counting: Counting, cache: VectorCache, answers: list[PastAnswer]
) -> None:
    assert found(answers, counting, cache, query("where is my parcel"))[0] == ("track", "en")


def test_k_limits_the_candidates(counting: Counting, cache: VectorCache) -> None:
    retriever = Retriever(ANSWERS, counting, cache, encoder_id="e5")
    asked = dataclasses.replace(query("where is my order"), k=2)
    assert len(retriever.search([asked])[0]) == 2


def test_an_edited_answer_is_found_and_only_it_is_embedded(
    counting: Counting, cache: VectorCache
) -> None:
    before = Retriever(ANSWERS, counting, cache, encoder_id="e5")
    counting.asked.clear()
    new = dataclasses.replace(HOURS_EN, questions=("Do you repair bicycles?",))
    after = Retriever([*ANSWERS[:-1], new], counting, cache, encoder_id="e5")
    assert counting.asked == [(Side.QUERY, "Do you repair bicycles?")]
    best = after.search([query("can you fix my bike")])[0][0]
    assert (best.answer, best.matched) == (new, "Do you repair bicycles?")
    assert before.revision != after.revision


def test_rows_are_the_phrasings_and_last_the_answer() -> None:
    assert [(row.side, row.text) for row in rows_of(PAY_ZH)] == [
        (Side.QUERY, "有哪些付款方式？"),
        (Side.QUERY, "能刷卡吗"),
        (Side.PASSAGE, "支持支付宝。"),
    ]


def test_phrasings_of_the_starter_knowledge_find_their_answers(
    counting: Counting, data: Path, starter: Knowledge
) -> None:
    name = "multilingual-e5"
    cache = VectorCache(data / "vectors" / f"{name}.safetensors", name)
    retriever = Retriever(starter.answers, counting, cache, encoder_id=name)
    some = [a for a in starter.answers if a.enabled and not a.channel][::8]
    asked = [query(a.questions[1], a.lang) for a in some]
    best = [candidates[0].answer.id for candidates in retriever.search(asked)]
    right = sum(id_ == a.id for id_, a in zip(best, some, strict=True))
    assert right >= 0.97 * len(some)
