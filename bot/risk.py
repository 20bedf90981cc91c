"""From a risk ("at most 5 % of automatic answers wrong") to the policy's thresholds.

Asks the brain the held-out questions of the project (`eval/dev.*.jsonl`), and takes the lowest
confidence at which no more than that share of its answers is wrong, by the bound of
`classifier.risk` (Geifman & El-Yaniv 2017, arXiv:1705.08500, algorithm 1). Assumption: visitors ask
like these questions, the unanswerable among them included. A rule follows the intent alone, so its
threshold is the one that the classifier's training found for that risk or the next lower one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from bot import confidence, errors
from bot.brain import Brain
from bot.domain import Thresholds
from bot.evaluation import questions
from bot.evaluation.questions import Question
from retrieval.candidate import Query

PART = "dev"
BATCH = 64
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the brain would answer to a question, whatever its confidence."""

    confidence: float
    is_right: bool


def thresholds(
    brain: Brain,
    project: Path,
    configured: Thresholds,
    risk: float,
    points: Iterable[Mapping[str, Any]],
) -> Thresholds:
    """Those that keep `risk`; what the data cannot prove stays as `configured`, and is logged.

    Args:
        brain: that is asked.
        project: the folder with the questions, in `eval`.
        configured: the thresholds of the settings.
        risk: share of the automatic answers that may be wrong, above 0, below 1.
        points: `classifier.risk.RiskPoint`s of the classifier in use, as its manifest has them.
    """
    proved = [p for p in points if p["threshold"] is not None and p["risk"] <= risk]
    rule = max(proved, key=lambda p: p["risk"])["threshold"] if proved else None
    answer = _answer_threshold(brain, project, risk)
    for name, found in (("policy.rule", rule), ("policy.answer", answer)):
        if found is None:
            _log.warning(
                f"policy.risk {risk} cannot be proved, {name} stays as configured",
                action="risk_unproved",
                remedy=f"write more questions into eval/{PART}.*.jsonl, or allow a higher risk",
            )
    return replace(
        configured,
        rule=configured.rule if rule is None else rule,
        answer=configured.answer if answer is None else answer,
    )


def _answer_threshold(brain: Brain, project: Path, risk: float) -> float | None:
    from classifier import risk as bounds  # noqa: PLC0415 - loads scipy

    try:
        asked = questions.read(project / "eval", PART)
    except errors.KnowledgeError as cause:
        _log.warning(str(cause), action="risk_without_questions")
        return None
    tried = attempts(brain, asked)
    if not tried:
        return None
    confidences = np.array([one.confidence for one in tried], np.float32)  # (n,)
    right = np.array([one.is_right for one in tried])  # (n,)
    return bounds.point(confidences, right, risk).threshold


def attempts(brain: Brain, asked: Sequence[Question]) -> list[Tried]:
    """The best past answer to each question; those for which a rule is expected are left out."""
    asked = [q for q in asked if not any(e.startswith(questions.INTENT_PREFIX) for e in q.expected)]
    ruled, now = tuple(brain.knowledge.rules), datetime.now(UTC)
    found: list[Tried] = []
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        predictions = brain.classifier.predict([q.text for q in part])
        queries = [Query(text=q.text, language=q.language.value, channel="", now=now) for q in part]
        answers = brain.retriever.search(queries)
        for question, prediction, candidates in zip(part, predictions, answers, strict=True):
            fused, sure = confidence.judge(candidates, prediction, ruled)
            if fused:
                is_right = fused[0].answer.id in question.expected
                found.append(Tried(confidence=sure, is_right=is_right))
    return found
