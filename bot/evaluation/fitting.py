"""Fits the weights of the search on the evaluation questions that may be tuned on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot import confidence
from bot.brain import Brain
from bot.config import Settings
from bot.evaluation import questions
from bot.evaluation.questions import Question
from bot.training.registry import Registry
from classifier.prediction import IntentPrediction
from retrieval import fitting, fusion
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.fitting import Example
from retrieval.scoring import Weights
from retrieval.segment import entries_of

Progress = Callable[[str, float], None]
Search = Callable[[Sequence[Query]], list[list[Candidate]]]
PART = "dev"
CHANNEL = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Weights in use and fitted ones: share of the questions whose answer stands first."""

    questions: int
    before: float
    cross_validated: float
    """On questions that the weights were not fitted on, five-fold."""
    fitted: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What a fit found."""

    encoder: str
    many: Compared
    """With all phrasings, and the intents beside."""
    one: Compared
    """With the first phrasing of each answer only, without intents."""

    @property
    def is_better(self) -> bool:
        """Whether neither got worse and one got better, on questions not fitted on."""
        gains = [c.cross_validated - c.before for c in (self.many, self.one)]
        return min(gains) >= 0 and max(gains) > 0


def run(
    settings: Settings,
    brain: Brain,
    sparse: Callable[[Sequence[PastAnswer]], Search],
    *,
    on_progress: Progress,
) -> Fit:
    """Fit both sets of weights on `eval/dev` of the project.

    Args:
        settings: whose project's questions are asked.
        brain: that serves.
        sparse: makes a search of other answers with the same encoders.
        on_progress: told every step.

    Raises:
        errors.KnowledgeError: there are no such questions.
    """
    asked = [q for q in questions.read(settings.project / "eval", PART) if q.expected]
    used = fusion.read(Registry(settings.data).encoders, brain.retriever.encoder_id)
    on_progress(f"asking {len(asked)} questions", 0.0)
    predicted = brain.classifier.predict([q.text for q in asked])
    found = _examples(brain.retriever.search, asked, predicted, tuple(used.many))
    first = [replace(answer, questions=answer.questions[:1]) for answer in brain.knowledge.answers]
    on_progress(f"asking {len(asked)} questions", 0.5)
    single = _examples(sparse(_whole(first)), asked, None, tuple(used.one))
    on_progress("fitting", 0.9)
    return Fit(
        encoder=brain.retriever.encoder_id,
        many=_compared(found, used.many),
        one=_compared(single, used.one),
    )


def write(settings: Settings, fit: Fit) -> Path:
    """Let the fitted weights serve from the next start on."""
    found = fusion.Fusion(encoder=fit.encoder, many=fit.many.fitted, one=fit.one.fitted)
    return found.write(Registry(settings.data).encoders)


def _whole(answers: Sequence[PastAnswer]) -> list[PastAnswer]:
    return [answer for variants in entries_of(answers).values() for answer in variants]


def _examples(
    search: Search, asked: Sequence[Question], predicted: Sequence[IntentPrediction] | None,
    names: Sequence[str],
) -> list[Example]:  # fmt: skip
    now = datetime.now(UTC)
    queries = [
        Query(text=q.text, language=q.language.value, channel=CHANNEL, now=now, k=25) for q in asked
    ]
    found: list[Example] = []
    for place, (question, candidates) in enumerate(zip(asked, search(queries), strict=True)):
        fused = confidence.fuse(candidates, predicted[place] if predicted else None)
        one = fitting.example(fused, question.expected, names)
        if one is not None:
            found.append(one)
    return found


def _compared(examples: Sequence[Example], used: Weights) -> Compared:
    names = tuple(used)
    return Compared(
        questions=len(examples),
        before=fitting.first(examples, names, used),
        cross_validated=fitting.cross_validated(examples, names, used),
        fitted=fitting.fit(examples, names, used),
    )
