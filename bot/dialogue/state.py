"""What a conversation is at one moment: the fold of its events. Immutable, so it can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.dialogue import events, names
from bot.dialogue.domain import Domain
from bot.domain import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The form that is active."""

    name: str
    is_interrupted: bool = False
    rejected: bool = False
    trigger_message: Mapping[str, Any] | None = None
    """The parse of the message that started it."""

    def as_dict(self) -> dict[str, Any]:
        """As Rasa's tracker shows it."""
        return {
            "name": self.name,
            "is_interrupted": self.is_interrupted,
            "rejected": self.rejected,
            "trigger_message": self.trigger_message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A moment of a conversation."""

    slots: Mapping[str, Any]
    touched: frozenset[str] = frozenset()
    """Slots that were set since the start, to whatever value."""
    paused: bool = False
    followup: str | None = names.LISTEN
    """The action that comes next, whatever the policies say."""
    latest_action: Mapping[str, str] = field(default_factory=dict)
    """`action_name` (or `action_text`) of the last action; empty before the first."""
    latest_message: Event | None = None
    use_text: bool | None = None
    """Whether the message counts by its words (True), its intent (False), or both (None)."""
    loop: Loop | None = None

    @property
    def action_name(self) -> str | None:
        """The last action."""
        return self.latest_action.get("action_name") or self.latest_action.get("action_text")

    @property
    def loop_name(self) -> str | None:
        """The active form; in rules a form that must not be active does not count."""
        return None if self.loop is None or self.loop.name == names.NOT_SET else self.loop.name

    @property
    def intent(self) -> str | None:
        """The intent of the last message."""
        return events.intent_of(self.latest_message)


def initial(domain: Domain) -> State:
    """Before anything happened."""
    return State(slots=domain.initial_slots)


def apply(state: State, event: Event, domain: Domain) -> State:
    """The moment after `event`; `rewind` and `undo` need the past and are the tracker's affair."""
    change = _CHANGES.get(event.name)
    return change(state, event, domain) if change else state


def _user(state: State, event: Event, _domain: Domain) -> State:
    text, intent = event.data.get("text"), events.intent_of(event)
    use_text = True if text and not intent else False if intent and not text else None
    return replace(state, latest_message=event, use_text=use_text, followup=None)


def _featurization(state: State, event: Event, _domain: Domain) -> State:
    if state.action_name != names.LISTEN or state.latest_message is None:
        return state
    return replace(state, use_text=event.data.get("use_text_for_featurization"))


def _slot(state: State, event: Event, domain: Domain) -> State:
    name = event.data["name"]
    slot = domain.slots.get(name)
    if slot is None:  # Rasa logs it and goes on
        return state
    slots = {**state.slots, name: slot.keep(event.data.get("value"))}
    return replace(state, slots=slots, touched=state.touched | {name})


def _reset_slots(state: State, _event: Event, domain: Domain) -> State:
    return replace(state, slots=domain.initial_slots, touched=frozenset())


def _session(_state: State, _event: Event, domain: Domain) -> State:
    return initial(domain)


def _restart(_state: State, _event: Event, domain: Domain) -> State:
    return replace(initial(domain), followup=names.SESSION_START)


def _action(state: State, event: Event, _domain: Domain) -> State:
    name = event.data.get("name")
    latest = {"action_name": name} if name else {"action_text": str(event.data["action_text"])}
    loop = state.loop
    if loop is not None and state.loop_name:
        rejected = loop.rejected and name != loop.name
        loop = replace(loop, is_interrupted=False, rejected=rejected)
    return replace(state, latest_action=latest, loop=loop, followup=None)


def _active_loop(state: State, event: Event, _domain: Domain) -> State:
    name = event.data.get("name")
    if name is None:
        return replace(state, loop=None)
    message = state.latest_message
    trigger = message.data.get("parse_data") if message is not None else None
    return replace(state, loop=Loop(name=name, trigger_message=trigger))


def _interrupted(state: State, event: Event, _domain: Domain) -> State:
    if state.loop is None:
        return state
    is_interrupted = bool(event.data.get("is_interrupted"))
    return replace(state, loop=replace(state.loop, is_interrupted=is_interrupted))


def _rejected(state: State, event: Event, _domain: Domain) -> State:
    if state.loop is None or event.data.get("name") != state.loop_name:
        return state
    return replace(state, loop=replace(state.loop, rejected=True))


def _followup(state: State, event: Event, _domain: Domain) -> State:
    return replace(state, followup=event.data["name"])


def _pause(state: State, event: Event, _domain: Domain) -> State:
    return replace(state, paused=event.name == "pause")


_CHANGES: dict[str, Callable[[State, Event, Domain], State]] = {
    "user": _user,
    "user_featurization": _featurization,
    "slot": _slot,
    "reset_slots": _reset_slots,
    "session_started": _session,
    "restart": _restart,
    "action": _action,
    "active_loop": _active_loop,
    "loop_interrupted": _interrupted,
    "action_execution_rejected": _rejected,
    "followup": _followup,
    "pause": _pause,
    "resume": _pause,
}
