"""Reads how slots are filled (6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.dialogue import slots
from bot.dialogue.slots import Condition, MappingType, Slot
from bot.project.findings import Findings, Parity, nearest

Say = Callable[[str, str, Any, str], None]
"""Tells an error: what, section, entry, hint."""
Place = Callable[[str, Any], tuple[str, int]]
NEEDS = {
    MappingType.FROM_ENTITY: "entity",
    MappingType.FROM_INTENT: "value",
    MappingType.FROM_TRIGGER_INTENT: "value",
}


def read(slot: str, written: Any, say: Say) -> tuple[slots.Mapping, ...]:
    """The mappings of a slot, in order."""
    if not isinstance(written, list) or not written:
        hint = "Add `mappings:`, at least `- type: custom`."
        say(f"slot {slot!r} has no mappings.", "slots", slot, hint)
        return ()
    found = [_mapping(slot, one, say) for one in written]
    return tuple(one for one in found if one is not None)


def _mapping(slot: str, written: Any, say: Say) -> slots.Mapping | None:
    kind = written.get("type") if isinstance(written, dict) else None
    if kind not in set(MappingType):
        hint = nearest(str(kind), MappingType, f"Types are: {', '.join(MappingType)}.")
        say(f"slot {slot!r} has a mapping of the unknown type {kind!r}.", "slots", slot, hint)
        return None
    needed = NEEDS.get(MappingType(kind))
    if needed and written.get(needed) is None:
        hint = f"Add `{needed}: ...`."
        say(f"slot {slot!r}: its mapping {kind} has no {needed}.", "slots", slot, hint)
        return None
    return slots.Mapping(
        type=MappingType(kind),
        entity=written.get("entity"),
        role=written.get("role"),
        group=written.get("group"),
        intents=tuple(as_list(written.get("intent"))),
        not_intents=tuple(as_list(written.get("not_intent"))),
        value=written.get("value"),
        action=written.get("action"),
        conditions=tuple(_conditions(written.get("conditions"))),
    )


def _conditions(written: Any) -> Iterable[Condition]:
    for one in written or ():
        yield Condition(
            active_loop=one.get("active_loop"), requested_slot=one.get("requested_slot")
        )


def as_list(written: Any) -> list[str]:
    """A name or a list of names as a list; nothing as an empty one."""
    if written is None or written is False or written is True:
        return []
    return [str(one) for one in written] if isinstance(written, list) else [str(written)]


def check(
    slot: Slot,
    entities: Mapping[str, Any],
    intents: Mapping[str, Any],
    findings: Findings,
    place: Place,
) -> None:
    """Note mappings that can never apply, which Rasa skips with a warning."""
    for mapping in slot.mappings:
        path, line = place("slots", slot.name)
        if mapping.type is MappingType.FROM_ENTITY and mapping.entity not in entities:
            what = f"slot {slot.name!r} is filled from the entity {mapping.entity!r}, which is"
            hint = nearest(str(mapping.entity), entities, "Add it under `entities:`.")
            findings.note(Parity.SAME, f"{what} unknown: skipped.", path, line, hint)
        for intent in mapping.intents if mapping.type is MappingType.FROM_INTENT else ():
            if intent not in intents:
                what = f"slot {slot.name!r} is filled from the unknown intent {intent!r}: skipped."
                hint = nearest(intent, intents, "Add it under `intents:`.")
                findings.note(Parity.SAME, what, path, line, hint)
