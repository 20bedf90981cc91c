"""What is understood without asking a model: a pressed button, a text of the examples, nothing."""

from __future__ import annotations

from collections.abc import Sequence

from bot.brain import Brain
from bot.domain import Language, Understanding
from bot.payload import Payload
from bot.understanding import SHOWN_CANDIDATES
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer


def by_button(pressed: Payload, language: Language, brain: Brain) -> Understanding:
    """A button says exactly what is meant; the models are not asked."""
    chosen = [
        Candidate(answer=answer, score=0.0, cosine=1.0, matched=answer.title)
        for answer in _named(pressed, language, brain)
    ]
    stated = RankedIntent(name=pressed.name, confidence=1.0)
    is_intent = pressed.answer_id is None
    return Understanding(
        language=language,
        prediction=IntentPrediction(ranking=(stated,), model_id="button") if is_intent else None,
        candidates=tuple(chosen[:SHOWN_CANDIDATES]),
        confidence=1.0,
        versions=brain.versions,
        notes=("a button was pressed",),
    )


def _named(pressed: Payload, language: Language, brain: Brain) -> list[PastAnswer]:
    """The answer that a button names, or all answers of the intent that it states."""
    if pressed.answer_id is not None:
        answer = brain.answer(pressed.answer_id, language.value)
        return [answer] if answer else []
    return [
        answer
        for answer in brain.retriever.of_intent(pressed.name)
        if answer.lang == language.value and answer.enabled
    ]


def by_examples(known: Sequence[RankedIntent], language: Language, brain: Brain) -> Understanding:
    """A text that stands in the examples means what they say."""
    return Understanding(
        language=language,
        prediction=IntentPrediction(ranking=tuple(known), model_id="examples"),
        candidates=(),
        confidence=0.0,
        versions=brain.versions,
        notes=("the text stands in the examples",),
    )


def nothing(brain: Brain, note: str) -> Understanding:
    """Nobody said anything; `note` tells what happened instead."""
    return Understanding(
        language=Language.EN,
        prediction=None,
        candidates=(),
        confidence=0.0,
        versions=brain.versions,
        notes=(note,),
    )
