"""Fills slots from the last message: the default action `action_extract_slots` (6.4)."""

from __future__ import annotations

import logging
from typing import Any

from bot import errors
from bot.dialogue import events, names, speaking
from bot.dialogue.doing import Context, Rejected, only
from bot.dialogue.domain import Domain
from bot.dialogue.slots import Mapping, MappingType, Slot, SlotType
from bot.dialogue.tracker import Tracker
from bot.domain import Event

_log = logging.getLogger(__name__)


async def extract(context: Context, tracker: Tracker) -> list[Event]:
    """Slot events of the last message, checked by `action_validate_slot_mappings` if there is one.

    The first mapping that applies wins; custom mappings run their action once each.
    """
    found: list[Event] = []
    ran: set[str] = set()
    for slot in context.domain.slots.values():
        if slot.name not in names.DEFAULT_SLOTS:
            found += await _slot(slot, context, tracker, ran)
    return await _validated(found, context, tracker)


async def _slot(slot: Slot, context: Context, tracker: Tracker, ran: set[str]) -> list[Event]:
    found: list[Event] = []
    for mapping in slot.mappings:
        if not applies(slot, mapping, tracker):
            continue
        values = _values(mapping, tracker)
        if values:
            value = values if slot.type is SlotType.LIST else values[-1]
            if value is not None or tracker.state.slots.get(slot.name) is not None:
                found.append(events.slot(slot.name, value))
                break
        if mapping.type is MappingType.CUSTOM and mapping.action and mapping.action not in ran:
            ran.add(mapping.action)
            found += await _tolerant(mapping.action, context, tracker)
    return found


async def _tolerant(action: str, context: Context, tracker: Tracker) -> list[Event]:
    """Slots and messages of a custom action; one that fails fills nothing."""
    try:
        return only(await speaking.custom(action, context, tracker), "slot", "bot")
    except (Rejected, errors.ActionError) as cause:
        _log.warning("%s filled no slots: %s", action, cause)
        return []


async def _validated(found: list[Event], context: Context, tracker: Tracker) -> list[Event]:
    slots = only(found, "slot")
    if names.VALIDATE_SLOT_MAPPINGS not in context.domain.user_actions:
        return slots
    proposed = tracker.copy()
    proposed.extend(slots)
    checked = await _tolerant(names.VALIDATE_SLOT_MAPPINGS, context, proposed)
    seen = {event.data["name"] for event in only(checked, "slot")}
    return [*checked, *(event for event in slots if event.data["name"] not in seen)]


def applies(slot: Slot, mapping: Mapping, tracker: Tracker) -> bool:
    """Whether the mapping may fill the slot at this moment."""
    domain = tracker.domain
    return (
        _is_known(mapping, domain)
        and _intent_fits(mapping, tracker)
        and (
            mapping.type is MappingType.FROM_TRIGGER_INTENT
            or _condition_holds(slot, mapping, tracker)
        )
        and not _is_taken(slot, mapping, tracker)
    )


def _is_known(mapping: Mapping, domain: Domain) -> bool:
    if mapping.type is MappingType.FROM_ENTITY:
        return mapping.entity in domain.entities
    if mapping.type is MappingType.FROM_INTENT:
        return all(intent in domain.intents for intent in mapping.intents)
    return True


def _intent_fits(mapping: Mapping, tracker: Tracker) -> bool:
    intent = tracker.state.intent
    if mapping.intents and intent in mapping.intents:
        return True
    unwanted = {*mapping.not_intents, *_ignored(mapping, tracker)}
    return not mapping.intents and intent not in unwanted


def _ignored(mapping: Mapping, tracker: Tracker) -> tuple[str, ...]:
    """What the active form ignores, if the mapping is for this form or for any."""
    loop = tracker.state.loop_name
    form = tracker.domain.forms.get(loop) if loop else None
    if form is None:
        return ()
    if mapping.conditions and all(one.active_loop != loop for one in mapping.conditions):
        return ()
    return form.ignored_intents


def _condition_holds(slot: Slot, mapping: Mapping, tracker: Tracker) -> bool:
    if not mapping.conditions:
        return True
    state = tracker.state
    requested = state.slots.get(names.REQUESTED_SLOT)
    if state.loop is not None and state.loop.rejected and requested == slot.name:
        return False
    for one in mapping.conditions:
        asked = not one.requested_slot or one.requested_slot == requested
        if one.active_loop and one.active_loop == state.loop_name and asked:
            return True
        if one.active_loop is None and state.loop_name is None:
            return True
    return False


def _is_taken(slot: Slot, mapping: Mapping, tracker: Tracker) -> bool:
    """Within a form, an entity that several of its slots want is for the requested one only."""
    loop = tracker.state.loop_name
    if mapping.type is not MappingType.FROM_ENTITY or loop is None:
        return False
    if tracker.state.slots.get(names.REQUESTED_SLOT) == slot.name:
        return False
    if slot.name not in tracker.domain.required_slots(loop):
        return False
    return not tracker.domain.is_unique(loop, mapping)


def _values(mapping: Mapping, tracker: Tracker) -> list[Any]:
    message = tracker.state.latest_message
    if mapping.type is MappingType.FROM_ENTITY:
        return [
            entity.get("value")
            for entity in events.entities_of(message)
            if (entity.get("entity"), entity.get("role"), entity.get("group")) == mapping.entity_key
        ]
    if mapping.type is MappingType.FROM_INTENT:
        return [mapping.value]
    if mapping.type is MappingType.FROM_TRIGGER_INTENT:
        return [mapping.value] if _is_triggered(mapping, tracker) else []
    if mapping.type is MappingType.FROM_TEXT:
        return [message.data.get("text") if message else None]
    return []


def _is_triggered(mapping: Mapping, tracker: Tracker) -> bool:
    loop = tracker.state.loop_name
    loops = [one.active_loop for one in mapping.conditions]
    return loop is not None and (not loops or loop in loops)
