"""The 200 conversations over the starter's flows, with the real models, actions and shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot import assembly
from bot.config import Settings
from tests.conftest import KNOWLEDGE
from tests.scenario import conversations
from tests.scenario.conversations import Played, Story

AT_ONCE = 8
FILES = sorted((KNOWLEDGE / "tests").glob("test_*.yml"))


async def play_all(stories: Sequence[Story], settings: Settings) -> list[Played]:
    maker = assembly.BrainMaker(settings)
    knowledge = maker.read_knowledge()
    free = asyncio.Semaphore(AT_ONCE)
    async with assembly.open_parts(settings) as parts:
        parts.box.replace(await asyncio.to_thread(maker.make, knowledge))

        async def play(story: Story) -> Played:
            async with free:
                return await conversations.play(story, parts.engine, settings)

        try:
            return await asyncio.gather(*map(play, stories))
        finally:
            await maker.close()


async def test_conversations_end_where_they_should(settings: Settings) -> None:
    stories = [story for path in FILES for story in conversations.read(path)]
    assert len(stories) == 200
    assert len({story.name for story in stories}) == 200
    played = await play_all(stories, settings)
    elsewhere = [(p.name, p.left_at) for p in played if not p.ended_right]
    assert len(elsewhere) <= 10, elsewhere
    left = [(p.name, p.left_at) for p in played if p.left_at]
    assert len(left) <= 25, left


def test_the_stories_are_varied() -> None:
    stories = [story for path in FILES for story in conversations.read(path)]
    said = [turn.text for story in stories for turn in story.turns]
    assert len(said) >= 600
    assert len(set(said)) >= 400
    outcomes = {str(turn.slots["outcome"]) for s in stories for turn in s.turns if turn.slots}
    assert outcomes == {
        *("processing", "shipped", "delivered", "cancelled", "returned"),
        *("registered", "known", "too_late", "not_possible", "dropped"),
        *("changed", "not_verified"),
    }
