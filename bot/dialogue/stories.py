"""Stories and rules as they are read, and the conversations that they describe (6.7, 6.8)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.dialogue import events, features, names
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.slots import MappingType, SlotType
from bot.dialogue.tracker import Tracker
from bot.domain import Event

START = "STORY_START"
MAX_CONVERSATIONS = 20_000
"""Checkpoints multiply; more than this are not looked at."""
VISITS = 2
"""How often a circle of checkpoints is gone round."""
UNPREDICTABLE = "unpredictable"
"""Marks the first action of a story that begins without a message: nothing leads to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a block begins, if the slots are so."""

    name: str
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a story without checkpoints inside, or a rule."""

    name: str
    path: str
    line: int
    is_rule: bool
    starts: tuple[Checkpoint, ...]
    ends: tuple[str, ...] = ()
    steps: tuple[tuple[Event, ...], ...] = ()
    """Each step with its alternatives (`or`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A conversation that stories or rules describe."""

    name: str
    is_rule: bool
    events: tuple[Event, ...]
    path: str = ""
    line: int = 0


def conversations(blocks: Sequence[Block], domain: Domain) -> tuple[Told, ...]:
    """All conversations that `blocks` describe, stories first; equal ones once."""
    by_start: dict[str, list[Block]] = {}
    for block in blocks:
        for start in block.starts:
            by_start.setdefault(start.name, []).append(block)
    told: dict[tuple[Any, ...], Told] = {}
    for is_rule in (False, True):
        begins = [b for b in by_start.get(START, []) if b.is_rule is is_rule]
        found = (one for block in begins for one in _continue(block, (), (), by_start, domain))
        for one in itertools.islice(found, MAX_CONVERSATIONS):
            told.setdefault((is_rule, _identity(one.events)), one)
    return tuple(told.values())


def _identity(found: Iterable[Event]) -> str:
    return features.key([{"n": e.name, **_shown(e)} for e in found])


def _shown(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.data.items() if key != "message_id"}


def _continue(
    block: Block,
    before: tuple[Event, ...],
    path: tuple[Block, ...],
    by_start: Mapping[str, Sequence[Block]],
    domain: Domain,
) -> Iterator[Told]:
    """Conversations that go through `block` after `before`."""
    path = (*path, block)
    for choice in itertools.product(*block.steps):
        so_far = before + tuple(explicit(block, choice, domain))
        name = " > ".join(dict.fromkeys(one.name for one in path))
        following = [
            (following, start)
            for end in block.ends
            for following in by_start.get(end, ())
            for start in following.starts
            if start.name == end and path.count(following) < VISITS
        ]
        open_ends = [one for one, start in following if _holds(start, so_far, domain)]
        if not open_ends:
            yield Told(
                name=name, is_rule=block.is_rule, events=so_far, path=block.path, line=block.line
            )
        for one in open_ends:
            yield from _continue(one, so_far, path, by_start, domain)


def explicit(block: Block, choice: Sequence[Event], domain: Domain) -> Iterator[Event]:
    """The steps with what goes without saying: waiting for the visitor, slots of entities."""
    last: Event | None = None
    spoken = not any(start.name == START for start in block.starts)
    marked = spoken
    for event in choice:
        if event.name == "user":
            if not _is_listen(last):
                yield events.action(names.LISTEN)
            yield event
            last, marked = event, True
            for slot in slots_of_entities(events.entities_of(event), domain):
                last = slot
                yield slot
            continue
        last = _for_rules(event) if block.is_rule else event
        if event.name == "action" and not marked:
            last, marked = _unpredictable(last), True
        yield last
    if not block.ends and not _is_listen(last):
        yield events.action(names.LISTEN)


def _is_listen(event: Event | None) -> bool:
    return event is not None and event.name == "action" and event.data["name"] == names.LISTEN


def _unpredictable(event: Event) -> Event:
    return Event(
        name=event.name, timestamp=event.timestamp, data={**event.data, UNPREDICTABLE: True}
    )


def _for_rules(event: Event) -> Event:
    """In a rule, null says that a slot or loop must be empty."""
    if event.name == "active_loop" and event.data["name"] is None:
        return events.active_loop(names.NOT_SET)
    if event.name == "slot" and event.data["value"] is None:
        return events.slot(event.data["name"], names.NOT_SET)
    return event


def slots_of_entities(found: Sequence[Mapping[str, Any]], domain: Domain) -> Iterator[Event]:
    """The slots that these entities of a story's message fill."""
    if not domain.store_entities_as_slots:
        return
    for slot in domain.slots.values():
        values = [
            entity.get("value")
            for mapping in slot.mappings
            if mapping.type is MappingType.FROM_ENTITY
            and not (mapping.conditions and mapping.conditions[0].active_loop is not None)
            for entity in found
            if (entity.get("entity"), entity.get("role"), entity.get("group")) == mapping.entity_key
        ]
        if values:
            yield events.slot(slot.name, values if slot.type is SlotType.LIST else values[-1])


def _holds(start: Checkpoint, before: Iterable[Event], domain: Domain) -> bool:
    if not start.slots:
        return True
    slots = _played(before, domain).state.slots
    return all(slots.get(name) == value for name, value in start.slots.items())


def _played(told: Iterable[Event], domain: Domain) -> Tracker:
    tracker = Tracker("", domain, Sight())
    tracker.extend(told)
    return tracker
