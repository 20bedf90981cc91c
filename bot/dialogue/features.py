"""What of a moment counts for rules and stories: Rasa's "state", as nested plain data.

`{"user": {...}, "slots": {...}, "prev_action": {...}, "active_loop": {...}}`, empty parts left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.dialogue import events, names
from bot.dialogue.domain import Domain
from bot.dialogue.state import State

Features = dict[str, Any]
USER, SLOTS, PREVIOUS, LOOP = "user", "slots", "prev_action", "active_loop"


def of(
    state: State, domain: Domain, *, only_touched: bool = False, by_text: bool = False
) -> Features:
    """The features of `state`.

    Args:
        state: the moment.
        domain: says which slots and entities count.
        only_touched: leave out slots that were never set, as rules are read.
        by_text: describe a message that was just sent by its words instead of its intent.
    """
    parts: Features = {
        USER: _user(state, domain, by_text=by_text and is_listening(state)),
        SLOTS: _slots(state, domain, only_touched=only_touched),
        PREVIOUS: dict(state.latest_action),
        LOOP: {"name": state.loop.name} if state.loop else {},
    }
    return {name: part for name, part in parts.items() if part}


def is_listening(state: State) -> bool:
    """Whether the visitor spoke last."""
    return state.action_name == names.LISTEN


def previous_action(features: Features) -> str | None:
    """The action before."""
    name = features.get(PREVIOUS, {}).get("action_name")
    return name if isinstance(name, str) else None


def loop_name(features: Features) -> str | None:
    """The active form, None also when it is said that none may be."""
    name = features.get(LOOP, {}).get("name")
    return name if isinstance(name, str) and name != names.NOT_SET else None


def key(states: Iterable[Features]) -> str:
    """`states` as one string; equal states have equal keys. Its length ranks rules."""
    return json.dumps(list(states), sort_keys=True)


def _user(state: State, domain: Domain, *, by_text: bool) -> dict[str, Any]:
    message = state.latest_message
    if message is None:
        return {}
    text, intent = message.data.get("text"), state.intent
    counts_text = bool(text) and state.use_text is not False
    counts_intent = bool(intent) and not state.use_text
    if by_text or not counts_intent:
        return {"text": text} if counts_text else {}
    found: dict[str, Any] = {"intent": intent}
    labels = _labels(message.data, domain.intents.get(str(intent)))
    if labels:
        found["entities"] = sorted(labels)
    return found


def _labels(message: Mapping[str, Any], wanted: frozenset[str] | None) -> set[str]:
    """Names of the entities, with role and group too, that count beside this intent."""
    labels: set[str] = set()
    for entity in (message.get("parse_data") or {}).get("entities") or []:
        name = entity.get("entity")
        labels.add(str(name))
        labels |= {f"{name}#{entity[part]}" for part in ("role", "group") if part in entity}
    return labels if wanted is None else labels & wanted


def _slots(state: State, domain: Domain, *, only_touched: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for slot in domain.features:
        if only_touched and slot.name not in state.touched:
            continue
        value = state.slots.get(slot.name)
        if value == names.NOT_SET:
            found[slot.name] = names.NOT_SET
            continue
        feature = slot.feature(value)
        if any(feature):
            found[slot.name] = list(feature)
    return found


def entities(state: State) -> list[dict[str, Any]]:
    """The entities of the last message."""
    return events.entities_of(state.latest_message)
