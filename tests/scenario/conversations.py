"""Plays Rasa's end-to-end test stories against an engine and says where each one ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.cli import session
from bot.config import Settings
from bot.domain import Event
from bot.engine import Engine

UNSEEN = ("action_listen", "action_session_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A message, and what must come of it."""

    text: str
    intent: str
    actions: tuple[str, ...]
    slots: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A conversation and how it must go."""

    name: str
    turns: tuple[Expected, ...]


@dataclass(slots=True, kw_only=True)
class Played:
    """How it went."""

    name: str
    left_at: list[str] = field(default_factory=list)
    """Messages after which something else was done than expected."""
    misread: list[str] = field(default_factory=list)
    """Messages taken for another intent."""
    ended_right: bool = False
    """Whether the last message led to the last actions and slots that were expected."""


def read(path: Path) -> list[Story]:
    """The stories of a file, in order."""
    data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return [
        Story(name=story["story"], turns=tuple(_turns(story["steps"]))) for story in data["stories"]
    ]


def _turns(steps: Sequence[dict[str, Any]]) -> Iterator[Expected]:
    starts = [place for place, step in enumerate(steps) if "user" in step]
    for start, end in zip(starts, [*starts[1:], len(steps)], strict=True):
        following = steps[start + 1 : end]
        slots: dict[str, Any] = {}
        for step in following:
            for one in step.get("slot_was_set", ()):
                slots.update(one)
        yield Expected(
            text=steps[start]["user"].strip(),
            intent=steps[start]["intent"],
            actions=tuple(step["action"] for step in following if "action" in step),
            slots=slots,
        )


async def play(story: Story, engine: Engine, settings: Settings) -> Played:
    """Say what the story says, and compare."""
    played = Played(name=story.name)
    slots: dict[str, Any] = {}
    for turn in story.turns:
        message = session.message(turn.text, settings, sender=story.name)
        happened = [stored.event for stored in (await engine.answer(message)).events]
        slots |= {e.data["name"]: e.data["value"] for e in happened if e.name == "slot"}
        as_told = _actions(happened) == turn.actions
        as_told &= all(slots.get(name) == value for name, value in turn.slots.items())
        if not as_told:
            played.left_at.append(turn.text)
        if _intent(happened) != turn.intent:
            played.misread.append(turn.text)
        played.ended_right = as_told
    return played


def _actions(happened: Sequence[Event]) -> tuple[str, ...]:
    names = (str(event.data["name"]) for event in happened if event.name == "action")
    return tuple(name for name in names if name not in UNSEEN)


def _intent(happened: Sequence[Event]) -> str | None:
    parses = (event.data["parse_data"] for event in happened if event.name == "user")
    return next((parse["intent"]["name"] for parse in parses), None)
