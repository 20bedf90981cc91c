"""`frontdesk test --run`: test stories played for real, with models, actions and all."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot.cli import progress, session
from bot.config import Settings
from bot.evaluation import stories
from bot.evaluation.stories import Played, Story, Went

AT_ONCE = 8
SHARED = ("models", "vectors")


def run(settings: Settings) -> int:
    """Play the stories of the project and print where each left its path; gives the exit code.

    The conversations are kept in a folder that is deleted afterwards.
    """
    folders = (settings.project / "tests", settings.project / "data")
    paths = sorted(path for folder in folders for path in folder.rglob("test_*.yml"))
    told = stories.read(paths, root=settings.project)
    with _scratch(settings) as own:
        played = asyncio.run(_play(told, own))
    console = Console()
    for one in played:
        _print(one, console)
    ended = sum(one.ended_right for one in played)
    stayed = sum(one.left_at is None for one in played)
    read_right = sum(turn.is_understood for one in played for turn in one.turns)
    console.print(
        f"{ended} of {len(played)} end where they should 结果正确; "
        f"{stayed} never leave the path 全程一致; "
        f"{read_right} of {sum(len(one.turns) for one in played)} messages are taken for the "
        "expected intent 意图一致."
    )
    return int(stayed != len(played))


@contextlib.contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """The settings with a data folder of their own; models and vectors are shared with it."""
    with tempfile.TemporaryDirectory() as name:
        for shared in SHARED:
            kept = settings.data.absolute() / shared
            kept.mkdir(parents=True, exist_ok=True)
            (Path(name) / shared).symlink_to(kept, target_is_directory=True)
        yield settings.model_copy(update={"data": Path(name), "database": ""})


async def _play(told: Sequence[Story], settings: Settings) -> list[Played]:
    free = asyncio.Semaphore(AT_ONCE)
    with progress.bars() as report:
        async with session.ready(settings, report) as parts:

            async def one(story: Story) -> Played:
                async with free:
                    return await stories.play(story, parts.engine)

            return await asyncio.gather(*map(one, told))


def _print(played: Played, console: Console) -> None:
    mark = Text("ok   ", "green") if played.left_at is None else Text("left ", "bold red")
    ended = "" if played.ended_right else ", ended elsewhere 结果不符"
    console.print(mark, Text(f"{played.story.name} ({played.story.place}){ended}"), sep="")
    for turn in played.turns:
        if not turn.is_on_the_path:
            console.print(Text(f"       {_departure(turn)}"))


def _departure(turn: Went) -> str:
    wanted = turn.expected
    told = f"{wanted.text!r}: expected {', '.join(wanted.actions)}, got {', '.join(turn.actions)}"
    other = {name: value for name, value in turn.slots.items() if value != wanted.slots[name]}
    return f"{told}; {other}" if other else told
