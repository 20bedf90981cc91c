"""The 200 conversations over the starter's flows, with the real models, actions and shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot import assembly
from bot.config import Settings
from bot.evaluation import stories as test_stories
from bot.evaluation.stories import Played, Story
from tests.conftest import KNOWLEDGE

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
                return await test_stories.play(story, parts.engine)

        try:
            return await asyncio.gather(*map(play, stories))
        finally:
            await maker.close()


async def test_conversations_end_where_they_should(settings: Settings) -> None:
    stories = test_stories.read(FILES, root=KNOWLEDGE)
    assert len(stories) == 200
    assert len({story.name for story in stories}) == 200
    played = await play_all(stories, settings)
    elsewhere = [one.story.name for one in played if not one.ended_right]
    assert len(elsewhere) <= 10, elsewhere
    left = [one.story.name for one in played if one.left_at]
    assert len(left) <= 25, left


def test_the_stories_are_varied() -> None:
    stories = test_stories.read(FILES, root=KNOWLEDGE)
    said = [turn.text for story in stories for turn in story.turns]
    assert len(said) >= 600
    assert len(set(said)) >= 400
    outcomes = {str(turn.slots["outcome"]) for s in stories for turn in s.turns if turn.slots}
    assert outcomes == {
        *("processing", "shipped", "delivered", "cancelled", "returned"),
        *("registered", "known", "too_late", "not_possible", "dropped"),
        *("changed", "not_verified"),
    }
