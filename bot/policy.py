"""Decides what to do about a message. Pure: the same understanding gives the same decision.

The order is the order of the code: a pressed button, a rule, a reply composed from several answers
to several questions, an answer, a person when a model is down or after repeated failures, asking
back, declining.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain import Conversation, Decision, Outcome, Reason, Thresholds, Understanding
from bot.knowledge.model import HANDOFF_ACTION, Knowledge
from bot.payload import Payload
from retrieval.candidate import Candidate

ANSWER_ACTION = "action_answer"
CLARIFY_ACTIONS = ("utter_clarify",)
HANDOFF_ACTIONS = (HANDOFF_ACTION, "utter_handoff")
OUT_OF_SCOPE = "out_of_scope"  # Rasa's names for what is not ours to answer
FALLBACK = "nlu_fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The knobs of the policy, from the settings."""

    thresholds: Thresholds
    offers: int
    """How many answers a clarification offers at most."""
    handoff_after: int
    """A person is asked after so many failures in a row."""
    compose: float = 0.0
    """Each part of a question must have an answer of this probability to compose a reply; 0: never.
    """


def decide(
    conversation: Conversation,
    understanding: Understanding,
    payload: Payload | None,
    knowledge: Knowledge,
    rules: Rules,
) -> Decision:
    """What to do, and why. Raises nothing; every input has a decision."""
    if payload is not None:
        return _pressed(payload, understanding, knowledge, rules)
    intent = _ruled_intent(understanding, knowledge, rules)
    if intent is not None:
        return _by_rule(intent, knowledge, rules)
    if understanding.parts:
        said = tuple(part.candidate for part in understanding.parts)
        decision = _decision(rules, Outcome.ANSWER, Reason.COMPOSED, (ANSWER_ACTION,), said)
        return replace(decision, parts=understanding.parts)
    if understanding.candidates and understanding.confidence >= rules.thresholds.answer:
        best = understanding.candidates[:1]
        return _decision(rules, Outcome.ANSWER, Reason.CONFIDENT, (ANSWER_ACTION,), best)
    if understanding.models_down:  # what it would have said is not known: no refusal
        return _decision(rules, Outcome.HANDOFF, Reason.MODEL_DOWN, HANDOFF_ACTIONS)
    if conversation.failures_in_a_row + 1 >= rules.handoff_after:
        return _decision(rules, Outcome.HANDOFF, Reason.REPEATED_FAILURE, HANDOFF_ACTIONS)
    if understanding.candidates and understanding.confidence >= rules.thresholds.clarify:
        offered = understanding.candidates[: rules.offers]
        reason = Reason.AMBIGUOUS if len(offered) > 1 else Reason.UNSURE
        return _decision(rules, Outcome.CLARIFY, reason, CLARIFY_ACTIONS, offered)
    found = Reason.OUT_OF_SCOPE if understanding.candidates else Reason.NOTHING_FOUND
    return _refuse(found, knowledge, rules)


def _pressed(
    payload: Payload, understanding: Understanding, knowledge: Knowledge, rules: Rules
) -> Decision:
    """A button was pressed: understanding holds the chosen answer, or those of the intent."""
    if payload.answer_id is not None and understanding.candidates:
        best = understanding.candidates[:1]
        return _decision(rules, Outcome.ANSWER, Reason.CHOSEN, (ANSWER_ACTION,), best)
    if payload.name in knowledge.rules:
        return _by_rule(payload.name, knowledge, rules)
    if understanding.candidates:
        offered = understanding.candidates[: rules.offers]
        return _decision(rules, Outcome.CLARIFY, Reason.AMBIGUOUS, CLARIFY_ACTIONS, offered)
    return _refuse(Reason.NOTHING_FOUND, knowledge, rules)


def _ruled_intent(understanding: Understanding, knowledge: Knowledge, rules: Rules) -> str | None:
    """The intent whose rule applies: probable enough, and more so than the best answer."""
    if understanding.prediction is None:
        return None
    top = understanding.prediction.top
    if top.name not in knowledge.rules or top.confidence < rules.thresholds.rule:
        return None
    return top.name if top.confidence >= understanding.sure else None


def _by_rule(intent: str, knowledge: Knowledge, rules: Rules) -> Decision:
    actions = knowledge.rules[intent].actions
    if HANDOFF_ACTION in actions:
        return _decision(rules, Outcome.HANDOFF, Reason.ASKED_FOR_PERSON, actions)
    if intent in (OUT_OF_SCOPE, FALLBACK):
        return _decision(rules, Outcome.REFUSE, Reason.OUT_OF_SCOPE, actions)
    return _decision(rules, Outcome.RESPOND, Reason.RULE, actions)


def _refuse(reason: Reason, knowledge: Knowledge, rules: Rules) -> Decision:
    fallback = knowledge.rules.get(FALLBACK)
    actions = fallback.actions if fallback else ("utter_default",)
    return _decision(rules, Outcome.REFUSE, reason, actions)


def _decision(
    rules: Rules,
    outcome: Outcome,
    reason: Reason,
    actions: tuple[str, ...],
    answers: tuple[Candidate, ...] = (),
) -> Decision:
    return Decision(
        outcome=outcome,
        reason=reason,
        thresholds=rules.thresholds,
        actions=actions,
        answers=answers,
    )
