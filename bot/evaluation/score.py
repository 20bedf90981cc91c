"""Pure functions from what was decided to counts per language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import Decision, Outcome
from bot.evaluation import wording
from bot.evaluation.questions import INTENT_PREFIX, Question
from bot.knowledge.model import Rule


class Verdict(StrEnum):
    """How a reply is to be judged."""

    RIGHT = "right"
    CLARIFIED_RIGHT = "clarified_right"
    """It asked back and offered a right answer."""
    WRONG = "wrong"
    """It said something else than a right answer."""
    PARTLY = "partly"
    """It asks several things and not all were answered."""
    REFUSED = "refused"
    """It declined, handed over, or asked back without offering a right answer."""
    LEFT_ALONE = "left_alone"
    """Rightly not answered."""
    UNANSWERABLE_ANSWERED = "unanswerable_answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question, what was decided, and the verdict."""

    question: Question
    decision: Decision
    confidence: float
    verdict: Verdict
    said: str = ""
    """The words of the reply."""
    references: tuple[str, ...] = ()
    """Approved texts of the right answers; none for what should not be answered."""


def judge(question: Question, decision: Decision, rules: dict[str, Rule]) -> Verdict:
    """The verdict on one reply."""
    said = _said(decision, rules)
    if not question.expected:
        answered = decision.outcome in (Outcome.ANSWER, Outcome.RESPOND)
        return Verdict.UNANSWERABLE_ANSWERED if answered else Verdict.LEFT_ALONE
    if decision.outcome is Outcome.CLARIFY:
        return Verdict.CLARIFIED_RIGHT if said & question.expected else Verdict.REFUSED
    if question.needs_all and decision.outcome is Outcome.ANSWER:
        return Verdict.RIGHT if said >= question.expected else Verdict.PARTLY
    if said & question.expected:
        return Verdict.RIGHT
    if decision.outcome in (Outcome.REFUSE, Outcome.HANDOFF):
        return Verdict.REFUSED
    return Verdict.WRONG


def counts(judged: Iterable[Judged]) -> dict[str, dict[str, int]]:
    """Counts by language: the verdicts, and how many questions were (un)answerable."""
    found: dict[str, Counter[str]] = {}
    for item in judged:
        counter = found.setdefault(item.question.language.value, Counter())
        counter["answerable" if item.question.expected else "unanswerable"] += 1
        counter[item.verdict.value] += 1
    names = ["answerable", "right", "clarified_right", "partly", "wrong", "refused", "unanswerable",
             "unanswerable_answered"]  # fmt: skip
    return {
        lang: {name: counter[name] for name in names if name != Verdict.PARTLY or counter[name]}
        for lang, counter in found.items()
    }


def wordings(judged: Iterable[Judged]) -> dict[str, dict[str, float]]:
    """BLEU and chrF of the replies to answerable questions, by language."""
    found: dict[str, list[Judged]] = {}
    for item in judged:
        if item.references:
            found.setdefault(item.question.language.value, []).append(item)
    return {
        lang: wording.measure([i.said for i in items], [i.references for i in items], lang)
        for lang, items in found.items()
    }


def _said(decision: Decision, rules: dict[str, Rule]) -> frozenset[str]:
    """What the reply says or offers, in the words of the questions' `expected`."""
    answers = {candidate.answer.id for candidate in decision.answers}
    intents = {
        INTENT_PREFIX + intent for intent, rule in rules.items() if rule.actions == decision.actions
    }
    return frozenset(answers | intents)
