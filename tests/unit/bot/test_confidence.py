"""Confidence rises with what speaks for an answer, falls with what speaks against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import confidence
from bot.confidence import COEFFICIENTS
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer

SHARES = st.floats(0, 1)
COSINES = st.floats(-1, 1)
SIGNALS = st.fixed_dictionaries(
    {
        "share": SHARES,
        "question": COSINES,
        "centre": COSINES,
        "outside": SHARES,
        "familiar": st.floats(-4.7, 0),
    }
)


def candidate(name: str, score: float, intent: str = "i") -> Candidate:
    answer = PastAnswer(id=name, lang="en", intent=intent, questions=("q",), text="t")
    parts = {"question": 0.5, "answer": 0.5, "centre": 0.5}
    return Candidate(answer=answer, score=score, cosine=0.5, matched="q", parts=parts)


@given(SIGNALS)
def test_it_is_a_probability(found: dict[str, float]) -> None:
    assert 0 < confidence.probability(found) < 1


@given(SIGNALS, st.sampled_from(sorted(COEFFICIENTS)), st.floats(0.001, 0.5))
def test_it_is_monotone_in_every_signal(found: dict[str, float], name: str, step: float) -> None:
    before = confidence.probability(found)
    after = confidence.probability(found | {name: found[name] + step})
    assert (after - before) * (-1 if name == "outside" else 1) > 0


def test_the_share_is_the_softmax_of_the_best() -> None:
    found = confidence.signals([candidate("a", 2.0), candidate("b", 1.0)], None, ())
    assert found["share"] == pytest.approx(0.731059, abs=1e-6)
    assert found["outside"] == 0


def test_huge_scores_do_not_overflow() -> None:
    found = confidence.signals([candidate("a", 1e6), candidate("b", -1e6)], None, ())
    assert found["share"] == 1
    assert confidence.probability({name: 1e9 for name in COEFFICIENTS}) <= 1


def test_an_intent_that_the_ranking_does_not_name_costs_a_bounded_amount() -> None:
    ranking = (RankedIntent(name="other", confidence=1.0),)
    prediction = IntentPrediction(ranking=ranking, model_id="m")
    (fused,) = confidence.fuse([candidate("a", 10.0)], prediction)
    assert fused.score == pytest.approx(10.0 - confidence.INTENT_WEIGHT * 9.21034, abs=1e-3)
    assert fused.parts["question"] == 0.5


def test_an_imported_answer_without_an_intent_is_neither_favoured_nor_ruled_out() -> None:
    ranking = (RankedIntent(name="i", confidence=0.9), RankedIntent(name="other", confidence=0.1))
    prediction = IntentPrediction(ranking=ranking, model_id="m")
    candidates = [candidate("named", 1.0), candidate("none", 1.0, intent=""),
                  candidate("wrong", 1.0, intent="other")]  # fmt: skip
    fused = confidence.fuse(candidates, prediction)
    assert [found.answer.id for found in fused] == ["named", "none", "wrong"]


def test_out_of_scope_says_nothing_about_imported_topics() -> None:
    ranking = (RankedIntent(name="strange", confidence=0.9),)
    prediction = IntentPrediction(ranking=ranking, model_id="m")
    known = confidence.signals([candidate("a", 1.0)], prediction, ("strange",))
    imported = confidence.signals([candidate("a", 1.0, intent="")], prediction, ("strange",))
    assert (known["outside"], imported["outside"]) == (0.9, 0)


@pytest.mark.parametrize(
    ("familiarity", "intent", "signal"),
    [(1.0, "i", 0.0), (0.05, "i", -2.9957), (0.0, "i", -4.6052), (0.05, "", confidence.USUAL)],
)
def test_a_strange_text_speaks_against_answers_of_intents_only(
    familiarity: float, intent: str, signal: float
) -> None:
    ranking = (RankedIntent(name="i", confidence=0.9),)
    prediction = IntentPrediction(ranking=ranking, model_id="m", familiarity=familiarity)
    found = confidence.signals([candidate("a", 1.0, intent=intent)], prediction, ())
    assert found["familiar"] == pytest.approx(signal, abs=1e-4)
