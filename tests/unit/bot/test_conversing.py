"""Dialogue and past answers in one conversation, and actions that fail, through the engine."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.domain import Message, Outcome, Turn
from retrieval.candidate import Candidate, PastAnswer, Query
from tests.conformance import replaying
from tests.conformance.replaying import Bot, NoAnswers

SHIPPING = PastAnswer(
    id="shipping", questions=("Shipping?",), text="Two days.", lang="en", intent="shipping"
)

PARTS = {"question": 0.99, "centre": 0.99}


@dataclass
class OneAnswer(NoAnswers):
    """Stands where the retriever stands: sure of one answer for one question."""

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        found = Candidate(answer=SHIPPING, score=20.0, cosine=0.99, matched="?", parts=PARTS)
        return [[found] if "shipping" in query.text else [] for query in queries]


async def say(bot: Bot, text: str, **intents: float) -> Turn:
    """What the bot does about `text`, which the classifier takes for `intents`."""
    bot.classifier.said[text] = intents or {"shipping": 0.9, "greet": 0.1}
    return await bot.engine.answer(
        Message(
            id=uuid.uuid4().hex,
            channel="rest",
            sender="anna",
            text=text,
            received_at=datetime.now(UTC),
        )
    )


def with_answers(bot: Bot) -> None:
    """Let the project have a past answer."""
    box = bot.engine._box  # the brain is replaced as an edit would
    brain = box.brain
    knowledge = replace(brain.knowledge, answers=(SHIPPING,))
    box.replace(replace(brain, knowledge=knowledge, retriever=OneAnswer()))


async def test_a_question_within_a_form_is_answered_and_the_form_goes_on(tmp_path: Path) -> None:
    async with replaying.bot("03_form", tmp_path) as bot:
        with_answers(bot)
        await say(bot, "/open_ticket")
        turn = await say(bot, "how long is shipping")
        assert [reply.text for reply in turn.replies] == ["Two days.", "What is the issue about?"]
        assert turn.outcome is Outcome.ANSWER
        turn = await say(bot, '/inform{"issue_type": "payment"}')
        assert [r.text for r in turn.replies] == ["Your mail address, for the payment ticket?"]


async def test_a_project_without_answers_does_as_rasa(tmp_path: Path) -> None:
    async with replaying.bot("03_form", tmp_path) as bot:
        await say(bot, "/open_ticket")
        turn = await say(bot, "how long is shipping", nlu_fallback=1.0)
        assert turn.replies == ()


async def test_a_failed_action_is_an_apology_and_a_person_is_asked(tmp_path: Path) -> None:
    async with replaying.bot(
        "12_action_errors", tmp_path, with_actions=False, on_failure="apologise"
    ) as bot:
        turn = await say(bot, "/do_boom")
        shown = [reply.text for reply in turn.replies]
        assert shown[-1].startswith("Sorry, that did not work")
        assert turn.outcome is Outcome.HANDOFF
        assert turn.reasons["reason"] == "action_failed"
        assert turn.events[-1].event.data["name"] == "action_listen"
