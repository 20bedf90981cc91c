"""What is understood of a message: both models asked, follow-ups, several questions in one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from bot import composing, confidence, errors, following, tracing
from bot.brain import Brain
from bot.domain import Language, Part, Understanding
from bot.inference import ModelThread
from bot.policy import Rules
from classifier.prediction import IntentPrediction
from retrieval.candidate import Candidate, Excerpt, Query, Wanted

SHOWN_CANDIDATES = 5  # kept with the reply
T = TypeVar("T")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What holds for all parts of a message."""

    brain: Brain
    language: Language
    channel: str
    before: str
    """The visitor's question before this one; empty when there is none."""
    rules: Rules


class Understander:
    """Asks the models, each on its own thread, within a deadline."""

    def __init__(
        self, classifying: ModelThread, searching: ModelThread, *, deadline_s: float
    ) -> None:
        """Work with these threads.

        Args:
            classifying: the classifier's.
            searching: the retriever's.
            deadline_s: a model that takes longer counts as down for that message.
        """
        self._classifying = classifying
        self._searching = searching
        self._deadline_s = deadline_s

    async def understand(self, words: str, asked: Asked) -> Understanding:
        """Intents, candidates and confidence; a model that fails leaves a note instead."""
        if not asked.brain.knowledge.has_answers:  # what a dialogue alone hears stands for itself
            return await self._one(words, asked)
        understood = await self._in_context(words, asked)
        parts = await self._parts(words, understood, asked) if asked.rules.compose else ()
        return replace(understood, candidates=understood.candidates[:SHOWN_CANDIDATES], parts=parts)

    async def _in_context(self, words: str, asked: Asked) -> Understanding:
        """`words` alone, or with the question before where they lean on it."""
        before = asked.before
        if not before or not following.leans(words, asked.language):
            return await self._one(words, asked)
        alone = await self._one(words, asked)
        leans = following.is_said_to_lean(words, asked.language)
        if not leans and _is_ruled(alone, asked):
            return alone
        whole = following.joined(before, words, asked.language)
        first, together = await asyncio.gather(self._one(before, asked), self._one(whole, asked))
        found = following.combined(first, alone, together)
        if not found:
            return alone
        ruled = tuple(asked.brain.knowledge.rules)
        sure = confidence.sure_of(found, together.prediction, ruled)
        if not following.is_better(alone, sure, said_to_lean=leans):
            return alone
        note = f"read together with the question before it: {whole!r}"
        return replace(together, candidates=found, confidence=sure, notes=(*together.notes, note))

    async def _parts(self, words: str, understood: Understanding, asked: Asked) -> tuple[Part, ...]:
        """What can be said to each thing that `words` ask; nothing if one answer says it all."""
        questions = composing.parts_of(words, asked.language)
        if len(questions) < 2:
            return ()
        found = await asyncio.gather(*(self._one(q, asked) for q in questions))
        if not all(one.candidates for one in found):
            return ()
        parts = [
            Part(question=q, candidate=one.candidates[0], confidence=one.confidence, text="")
            for q, one in zip(questions, found, strict=True)
        ]
        kept = composing.composed(parts, asked.rules.compose)
        if not composing.fits(kept, understood, asked.rules.thresholds.answer):
            return ()
        down: dict[str, str] = {}
        said = await asyncio.gather(*(self._excerpt(part, asked, down) for part in kept))
        if down:
            return ()
        return tuple(
            replace(part, text=one.text) for part, one in zip(kept, said, strict=True) if one
        )

    async def _excerpt(self, part: Part, asked: Asked, down: dict[str, str]) -> Excerpt | None:
        """The sentences of a part's answer."""
        wanted = Wanted(question=part.question, answer=part.candidate.answer)
        work = self._searching.run(asked.brain.retriever.excerpts, wanted)
        return await self._in_time("retriever", work, down)

    async def _one(self, words: str, asked: Asked) -> Understanding:
        brain = asked.brain
        query = Query(
            text=words,
            language=asked.language.value,
            channel=asked.channel,
            now=datetime.now(UTC),
        )
        down: dict[str, str] = {}
        prediction, candidates = await self._ask_models(brain, query, down)
        ruled = tuple(brain.knowledge.rules)
        fused, sure = confidence.judge(candidates, prediction, ruled)
        notes = (*down.values(), query.warning) if query.warning else tuple(down.values())
        return Understanding(
            language=asked.language,
            prediction=prediction,
            candidates=fused,
            confidence=sure,
            versions=brain.versions,
            models_down=tuple(down),
            notes=notes,
        )

    async def _ask_models(
        self, brain: Brain, query: Query, down: dict[str, str]
    ) -> tuple[IntentPrediction | None, list[Candidate]]:
        """Both models side by side; one that fails or is late is named in `down`, with why."""
        prediction, candidates = await asyncio.gather(
            self._in_time(
                "classifier", self._classifying.run(brain.classifier.predict, query.text), down
            ),
            self._in_time("retriever", self._searching.run(brain.retriever.search, query), down),
        )
        return prediction, candidates or []

    async def _in_time(self, model: str, work: Awaitable[T], down: dict[str, str]) -> T | None:
        """What `work` gives; None, and a word in `down`, when it fails or is late."""
        try:
            with tracing.span(model):
                return await asyncio.wait_for(work, self._deadline_s)
        except TimeoutError:
            down[model] = f"the {model} took longer than {self._deadline_s} s"
        except errors.ModelError as cause:
            down[model] = f"the {model} failed: {cause}"
        _log.error(down[model], action="model_failed", model=model)
        return None


def _is_ruled(understood: Understanding, asked: Asked) -> bool:
    """Whether a rule or a flow takes the message; then it stands for itself, short as it is."""
    if understood.prediction is None:
        return False
    top = understood.prediction.top
    is_sure = top.confidence >= asked.rules.thresholds.rule
    return is_sure and top.name in asked.brain.knowledge.rules
