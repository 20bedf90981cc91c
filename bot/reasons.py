"""Every reply explains itself: its reasons as JSON, stored with the turn and shown on request."""

from __future__ import annotations

from typing import Any

from bot.domain import Part, Reply, Understanding
from retrieval.candidate import Candidate

SHOWN_INTENTS = 5


def explain(reply: Reply) -> dict[str, Any]:
    """All that led to `reply`: enough to repeat the decision with the versions named."""
    decision, understanding = reply.decision, reply.understanding
    thresholds, versions = decision.thresholds, understanding.versions
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "actions": list(decision.actions),
        "answers": [candidate.answer.id for candidate in decision.answers],
        "language": understanding.language.value,
        "confidence": round(understanding.confidence, 4),
        "thresholds": {
            "answer": thresholds.answer,
            "clarify": thresholds.clarify,
            "rule": thresholds.rule,
        },
        "intents": intent_ranking(understanding),
        "candidates": [_candidate(candidate) for candidate in understanding.candidates],
        "parts": [_part(part) for part in decision.parts],
        "versions": {
            "classifier": versions.classifier,
            "encoder": versions.encoder,
            "knowledge": versions.knowledge,
        },
        "notes": list(understanding.notes),
    }


def intent_ranking(understanding: Understanding) -> list[dict[str, Any]]:
    """The most probable intents as name and confidence; empty when the classifier was not asked."""
    if understanding.prediction is None:
        return []
    ranking = understanding.prediction.ranking[:SHOWN_INTENTS]
    return [{"name": i.name, "confidence": round(i.confidence, 4)} for i in ranking]


def _part(part: Part) -> dict[str, Any]:
    return {
        "question": part.question,
        "text": part.text,
        "answer": part.candidate.answer.id,
        "source": part.candidate.answer.source,
        "confidence": round(part.confidence, 4),
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.answer.id,
        "lang": candidate.answer.lang,
        "intent": candidate.answer.intent,
        "score": round(candidate.score, 4),
        "matched": candidate.matched,
        "source": candidate.answer.source,
        "parts": {name: round(value, 4) for name, value in candidate.parts.items()},
    }
