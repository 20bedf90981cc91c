"""Every reason for a decision, and the order in which they are looked for."""

from __future__ import annotations

import dataclasses

import pytest

from bot import policy
from bot.domain import (
    Conversation,
    Decision,
    Language,
    Outcome,
    Reason,
    Thresholds,
    Understanding,
    Versions,
)
from bot.knowledge.model import Knowledge, Rule
from bot.payload import Payload
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer

RULES = policy.Rules(
    thresholds=Thresholds(answer=0.8, clarify=0.1, rule=0.7), offers=2, handoff_after=3
)
KNOWLEDGE = Knowledge(
    intents=("greet", "human_please", "out_of_scope", "track"),
    responses={},
    rules={
        "greet": Rule(name="greet", intent="greet", actions=("utter_greet",)),
        "human_please": Rule(
            name="human", intent="human_please", actions=("action_handoff", "utter_handoff")
        ),
        "out_of_scope": Rule(name="oos", intent="out_of_scope", actions=("utter_out_of_scope",)),
    },
    answers=(),
    examples=(),
    revision="r",
)


def candidate(answer_id: str) -> Candidate:
    answer = PastAnswer(id=answer_id, lang="en", intent="track", questions=("q?",), text="a")
    return Candidate(answer=answer, score=1.0, cosine=0.9, matched="q?")


def understood(
    *, intent: str = "track", probability: float = 0.9, sure: float = 0.5, found: int = 3
) -> Understanding:
    ranking = (RankedIntent(name=intent, confidence=probability),)
    return Understanding(
        language=Language.EN,
        prediction=IntentPrediction(ranking=ranking, model_id="m"),
        candidates=tuple(candidate(f"a{i}") for i in range(found)),
        confidence=sure,
        versions=Versions(classifier="c", encoder="e", knowledge="k"),
    )


def talk(failures: int = 0) -> Conversation:
    return Conversation(
        id="c", channel="rest", sender="s", is_new=False, failures_in_a_row=failures
    )


def decide(what: Understanding, *, payload: Payload | None = None, failures: int = 0) -> Decision:
    return policy.decide(talk(failures), what, payload, KNOWLEDGE, RULES)


@pytest.mark.parametrize(
    ("what", "outcome", "reason"),
    [
        (understood(sure=0.8), Outcome.ANSWER, Reason.CONFIDENT),
        (understood(sure=0.79), Outcome.CLARIFY, Reason.AMBIGUOUS),
        (understood(sure=0.1), Outcome.CLARIFY, Reason.AMBIGUOUS),
        (understood(sure=0.3, found=1), Outcome.CLARIFY, Reason.UNSURE),
        (understood(sure=0.09), Outcome.REFUSE, Reason.OUT_OF_SCOPE),
        (understood(found=0, sure=0.0), Outcome.REFUSE, Reason.NOTHING_FOUND),
        (understood(intent="greet", sure=0.2), Outcome.RESPOND, Reason.RULE),
        (understood(intent="human_please", sure=0.2), Outcome.HANDOFF, Reason.ASKED_FOR_PERSON),
        (understood(intent="out_of_scope", sure=0.2), Outcome.REFUSE, Reason.OUT_OF_SCOPE),
    ],
)
def test_outcome_and_reason(what: Understanding, outcome: Outcome, reason: Reason) -> None:
    decision = decide(what)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.thresholds == RULES.thresholds


def test_a_rule_needs_its_threshold() -> None:
    assert decide(understood(intent="greet", probability=0.69)).outcome is Outcome.CLARIFY


def test_a_surer_answer_wins_over_a_rule() -> None:
    decision = decide(understood(intent="greet", probability=0.75, sure=0.9))
    assert decision.outcome is Outcome.ANSWER


def test_no_more_is_offered_than_allowed() -> None:
    assert [c.answer.id for c in decide(understood()).answers] == ["a0", "a1"]


def test_the_third_failure_in_a_row_calls_a_person() -> None:
    assert decide(understood(), failures=1).outcome is Outcome.CLARIFY
    decision = decide(understood(), failures=2)
    assert (decision.outcome, decision.reason) == (Outcome.HANDOFF, Reason.REPEATED_FAILURE)
    assert decision.actions == ("action_handoff", "utter_handoff")


def test_an_answer_is_given_even_after_failures() -> None:
    assert decide(understood(sure=0.9), failures=5).outcome is Outcome.ANSWER


def test_without_any_model_a_person_is_called() -> None:
    nothing = dataclasses.replace(
        understood(found=0, sure=0.0), prediction=None, models_down=("classifier", "retriever")
    )
    assert decide(nothing).reason is Reason.MODEL_DOWN


def test_a_sure_answer_is_said_though_the_classifier_is_down() -> None:
    half = dataclasses.replace(understood(sure=0.9), prediction=None, models_down=("classifier",))
    assert decide(half).outcome is Outcome.ANSWER
    unsure = dataclasses.replace(half, confidence=0.5)
    assert decide(unsure).reason is Reason.MODEL_DOWN


def test_a_pressed_answer_is_said_however_unsure() -> None:
    payload = Payload(name="answer", data={"id": "a0"})
    decision = decide(understood(sure=0.0), payload=payload)
    assert (decision.outcome, decision.reason) == (Outcome.ANSWER, Reason.CHOSEN)


def test_a_pressed_intent_follows_its_rule() -> None:
    decision = decide(understood(found=0), payload=Payload(name="greet"))
    assert decision.actions == ("utter_greet",)


def test_a_pressed_intent_without_rule_offers_its_answers() -> None:
    assert decide(understood(), payload=Payload(name="track")).outcome is Outcome.CLARIFY


def test_a_pressed_answer_that_is_gone_is_declined() -> None:
    payload = Payload(name="answer", data={"id": "gone"})
    assert decide(understood(found=0), payload=payload).outcome is Outcome.REFUSE


def test_the_same_understanding_gives_the_same_decision() -> None:
    assert decide(understood()) == decide(understood())
