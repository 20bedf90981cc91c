"""Plays Rasa's end-to-end test stories (wire format, 6.10) and says where each left the path.

Each story is a conversation of its own; name a data folder that is not the one that serves.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import errors
from bot.domain import Event, Message
from bot.engine import Engine
from classifier import errors as classifier_errors
from classifier import rasa_yaml
from classifier.entities import annotation

CHANNEL = "rest"
UNSEEN = ("action_listen", "action_session_start")
"""Actions that stories do not tell of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A message, and what must come of it."""

    text: str
    intent: str | None
    """None: whatever it is taken for."""
    actions: tuple[str, ...]
    slots: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A conversation and how it must go."""

    name: str
    place: str
    """File and line."""
    turns: tuple[Expected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """What came of a message."""

    expected: Expected
    intent: str | None
    actions: tuple[str, ...]
    slots: Mapping[str, Any]
    """The values, after the turn, of the slots that the story names."""
    said: tuple[str, ...]

    @property
    def is_on_the_path(self) -> bool:
        """Whether the actions and slots are those that were expected."""
        wanted = self.expected
        return self.actions == wanted.actions and dict(self.slots) == dict(wanted.slots)

    @property
    def is_understood(self) -> bool:
        """Whether the intent is the one that was expected."""
        return self.expected.intent in (None, self.intent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a story went."""

    story: Story
    turns: tuple[Went, ...]

    @property
    def left_at(self) -> Went | None:
        """The first message after which it left the path; None if it never did."""
        return next((turn for turn in self.turns if not turn.is_on_the_path), None)

    @property
    def ended_right(self) -> bool:
        """Whether its last message led where it should, whatever happened on the way."""
        return self.turns[-1].is_on_the_path


def read(paths: Sequence[Path], *, root: Path) -> list[Story]:
    """The stories of some files, in order; names in errors are relative to `root`.

    Raises:
        errors.KnowledgeError: a file or a story cannot be read, with its line.
    """
    found: list[Story] = []
    for path in paths:
        name = str(path.relative_to(root))
        try:
            data = rasa_yaml.load(path, name=name)
            for story in data.get("stories") or ():
                found.append(_story(story, name))
        except classifier_errors.DatasetError as cause:
            message = str(cause).removesuffix(cause.hint).strip()
            raise errors.KnowledgeError(
                message, path=cause.path or name, line=cause.line, hint=cause.hint
            ) from cause
    return found


def _story(written: Mapping[str, Any], path: str) -> Story:
    line = rasa_yaml.line_of(written)
    try:
        turns = tuple(_turns(list(written["steps"])))
        story = Story(name=str(written["story"]), place=f"{path}:{line}", turns=turns)
    except (KeyError, TypeError, AttributeError) as cause:
        raise _wrong(f"a story that cannot be read: {cause}.", path, line) from cause
    if not turns:
        raise _wrong(f"story {story.name!r} says nothing.", path, line)
    return story


def _wrong(problem: str, path: str, line: int) -> errors.KnowledgeError:
    hint = "A story has a name and steps; a step has user and intent, action, or slot_was_set."
    return errors.KnowledgeError(problem, path=path, line=line, hint=hint)


def _turns(steps: Sequence[Mapping[str, Any]]) -> Iterator[Expected]:
    starts = [place for place, step in enumerate(steps) if "user" in step or "intent" in step]
    for start, end in itertools.pairwise([*starts, len(steps)]):
        slots: dict[str, Any] = {}
        for step in steps[start + 1 : end]:
            for one in step.get("slot_was_set") or ():
                slots.update(one if isinstance(one, Mapping) else {})
        yield Expected(
            text=_said(steps[start]),
            intent=steps[start].get("intent"),
            actions=tuple(str(s["action"]) for s in steps[start + 1 : end] if "action" in s),
            slots=slots,
        )


def _said(step: Mapping[str, Any]) -> str:
    """The words of a step; one that only states its intent becomes `/intent{...}`."""
    if "user" in step:
        return annotation.read(str(step["user"])).text
    named = [one for one in step.get("entities") or () if isinstance(one, Mapping)]
    entities = {key: value for one in named for key, value in one.items()}
    return f"/{step['intent']}{json.dumps(entities, ensure_ascii=False) if entities else ''}"


async def play(story: Story, engine: Engine) -> Played:
    """Say what the story says, in a new conversation.

    Raises:
        errors.FrontdeskError: as `Engine.answer`.
    """
    sender = f"test-{uuid.uuid4().hex}"
    slots: dict[str, Any] = {}
    turns = []
    for expected in story.turns:
        message = Message(
            id=uuid.uuid4().hex,
            channel=CHANNEL,
            sender=sender,
            text=expected.text,
            received_at=datetime.now(UTC),
        )
        turn = await engine.answer(message)
        happened = [stored.event for stored in turn.events]
        slots |= {e.data["name"]: e.data["value"] for e in happened if e.name == "slot"}
        turns.append(
            Went(
                expected=expected,
                intent=_intent(happened),
                actions=_actions(happened),
                slots={name: slots.get(name) for name in expected.slots},
                said=tuple(one.text for one in turn.replies),
            )
        )
    return Played(story=story, turns=tuple(turns))


def _actions(happened: Sequence[Event]) -> tuple[str, ...]:
    names = (str(event.data["name"]) for event in happened if event.name == "action")
    return tuple(name for name in names if name not in UNSEEN)


def _intent(happened: Sequence[Event]) -> str | None:
    parses = (event.data.get("parse_data") or {} for event in happened if event.name == "user")
    return next(((parse.get("intent") or {}).get("name") for parse in parses), None)
