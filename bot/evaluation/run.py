"""Asks every question the way a visitor would, each in a new conversation, without storing it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bot.assembly import Parts
from bot.brain import Brain
from bot.domain import Conversation, Message
from bot.evaluation.questions import Question
from bot.evaluation.score import Judged, judge

CHANNEL = "rest"


async def run(
    parts: Parts,
    questions: Sequence[Question],
    *,
    on_progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> list[Judged]:
    """The verdict on each question, in order."""
    brain = parts.box.brain
    judged: list[Judged] = []
    for place, question in enumerate(questions, start=1):
        message = Message(
            id=uuid.uuid4().hex,
            channel=CHANNEL,
            sender=question.id,
            text=question.text,
            received_at=datetime.now(UTC),
        )
        nobody = Conversation(
            id="",
            channel=CHANNEL,
            sender=question.id,
            is_new=True,
            question_before=question.before,
        )
        reply = await parts.engine.reply(message, nobody, brain)
        judged.append(
            Judged(
                question=question,
                decision=reply.decision,
                confidence=reply.understanding.confidence,
                verdict=judge(question, reply.decision, dict(brain.knowledge.rules)),
                said="\n".join(one.text for one in reply.messages),
                references=_references(question, brain),
            )
        )
        on_progress(f"asking {len(questions)} questions", place / len(questions))
    return judged


def _references(question: Question, brain: Brain) -> tuple[str, ...]:
    """What would be right to say; one text if it takes several answers."""
    found = [brain.answer(name, question.language.value) for name in sorted(question.expected)]
    texts = [answer.text for answer in found if answer is not None]
    return ("\n".join(texts),) if question.needs_all and texts else tuple(texts)
