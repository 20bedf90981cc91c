"""A conversation as its events and what follows from them; grows by single events.

Two pasts are kept. `tail`: the last events as they happened. `applied`: those that still count
after restarts, rewinds and repeated form turns, each with the state and the history behind it, so
that going back costs nothing. Both are cut, so a turn costs the same in a long conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.dialogue import history as past
from bot.dialogue import state as states
from bot.dialogue.domain import Domain
from bot.dialogue.history import History, Sight
from bot.dialogue.state import State
from bot.domain import Event

KEPT_APPLIED = 400
"""Events that can be gone back over; about fifty turns."""
KEPT_TAIL = 400
"""The last events as they happened."""
SLACK = 200
"""How many more may gather before the old ones are cut."""


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that counts, with what it led to."""

    event: Event
    state: State
    history: History


class Tracker:
    """One conversation; changed by `update` only."""

    def __init__(self, sender: str, domain: Domain, sight: Sight) -> None:
        """A conversation of which nothing is known yet."""
        self.sender = sender
        self.domain = domain
        self.sight = sight
        self.state = states.initial(domain)
        """Now."""
        self.tail: list[Event] = []
        self.applied: list[Applied] = []
        self.count = 0
        """How many events there were in all."""
        self.cut = False
        """Whether older applied events were forgotten."""
        self._base = Applied(_START, self.state, History())
        self._loops: set[str] = set()

    @classmethod
    def behind(
        cls,
        state: State,
        history: History,
        *,
        sender: str,
        domain: Domain,
        sight: Sight,
        loops: Iterable[str],
        count: int,
    ) -> Tracker:
        """A conversation of which only this is known: what its first `count` events led to."""
        tracker = cls(sender, domain, sight)
        tracker.state, tracker.count, tracker.cut = state, count, True
        tracker._base = Applied(_START, state, history)
        tracker._loops = set(loops)
        return tracker

    def copy(self) -> Tracker:
        """The same conversation, to try something on."""
        twin = Tracker(self.sender, self.domain, self.sight)
        twin.state, twin.count, twin.cut = self.state, self.count, self.cut
        twin.tail, twin.applied = self.tail[:], self.applied[:]
        twin._base, twin._loops = self._base, set(self._loops)
        return twin

    def fresh(self, events: Iterable[Event]) -> Tracker:
        """A conversation that consists of `events` only."""
        tracker = Tracker(self.sender, self.domain, self.sight)
        for event in events:
            tracker.update(event)
        return tracker

    def update(self, event: Event) -> None:
        """Let `event` happen."""
        self.tail.append(event)
        self.count += 1
        if event.name == "active_loop" and event.data.get("name"):
            self._loops.add(event.data["name"])
        if event.name in ("undo", "rewind"):
            self._go_back(event.name)
            self.state = self.replayed
        else:
            self.state = states.apply(self.state, event, self.domain)
            self._apply(event)
        if len(self.tail) > KEPT_TAIL + SLACK:
            del self.tail[:-KEPT_TAIL]
        if len(self.applied) > KEPT_APPLIED + SLACK:
            self._base = self.applied[-KEPT_APPLIED - 1]
            del self.applied[:-KEPT_APPLIED]
            self.cut = True

    def extend(self, events: Iterable[Event]) -> None:
        """Let all of `events` happen."""
        for event in events:
            self.update(event)

    def reload(self) -> None:
        """Be as if read from the store: what follows from the events that still count."""
        self.state = self.replayed

    @property
    def replayed(self) -> State:
        """The state that follows from the applied events alone."""
        return self._last.state

    @property
    def history(self) -> History:
        """The steps that policies see, without the moment now."""
        return self._last.history

    @property
    def loops(self) -> frozenset[str]:
        """The forms that ever ran."""
        return frozenset(self._loops)

    @property
    def is_empty(self) -> bool:
        """Whether nothing counts any more."""
        return not self.applied and not self.cut

    def since_message(self) -> Iterator[Event]:
        """Events after the last message or restart, the newest first."""
        message = self.state.latest_message
        for event in reversed(self.tail):
            if event is message or event.name == "restart":
                return
            yield event

    def since_restart(self) -> list[Event]:
        """The events as they happened, since the last restart."""
        for place in range(len(self.tail), 0, -1):
            if self.tail[place - 1].name == "restart":
                return self.tail[place:]
        return self.tail[:]

    @property
    def _last(self) -> Applied:
        return self.applied[-1] if self.applied else self._base

    def _apply(self, event: Event) -> None:
        if event.name in ("restart", "session_started"):
            self.applied.clear()
            self.cut = False
            self._base = Applied(_START, states.initial(self.domain), History())
        elif self._repeats_loop(event):
            self._forget_turn_of_loop(event.data["name"])
        else:
            self._push(event)

    def _push(self, event: Event) -> None:
        last = self._last
        history = last.history
        if event.name == "action":
            hide = bool(event.data.get("hide_rule_turn"))
            history = past.after(history, last.state, self.domain, self.sight, hide=hide)
        state = states.apply(last.state, event, self.domain)
        self.applied.append(Applied(event, state, history))

    def _go_back(self, how: str) -> None:
        if how == "rewind":
            self._pop_until("user")
        self._pop_until("action")

    def _pop_until(self, name: str) -> None:
        while self.applied:
            if self.applied.pop().event.name == name:
                return

    def _repeats_loop(self, event: Event) -> bool:
        """Whether a form runs again, with nothing but its own turn since it ran last."""
        if event.name != "action" or event.data.get("name") not in self._loops:
            return False
        loop, following = event.data["name"], None
        for applied in reversed(self.applied):
            one = applied.event
            if one.name == "active_loop" and one.data.get("name") is None:
                return False
            if one.name == "action_execution_rejected" and one.data.get("name") == loop:
                return False
            if one.name == "user" and following is not None and following != loop:
                return False  # another action answered the message: an unhappy path
            if one.name == "action":
                if one.data.get("name") == loop:
                    return True
                following = one.data.get("name")
        return False

    def _forget_turn_of_loop(self, loop: str) -> None:
        """Drop message and actions since the loop ran last; what they set stays."""
        kept: list[Event] = []
        while self.applied:
            event = self.applied[-1].event
            if event.name == "action" and event.data.get("name") == loop:
                break
            self.applied.pop()
            if event.name not in ("action", "user", "user_featurization"):
                kept.append(event)
        for event in reversed(kept):
            self._push(event)

    def as_dict(self, *, events: Iterable[Event] | None) -> dict[str, Any]:
        """Rasa's JSON form of a tracker, with these events."""
        state, message = self.state, self.state.latest_message
        parse = message.data.get("parse_data") if message else None
        empty: dict[str, Any] = {
            "intent": {},
            "entities": [],
            "text": None,
            "message_id": None,
            "metadata": {},
        }
        return {
            "sender_id": self.sender,
            "slots": dict(state.slots),
            "latest_message": empty if parse is None else parse,
            "latest_event_time": self.tail[-1].timestamp if self.tail else None,
            "followup_action": state.followup,
            "paused": state.paused,
            "events": None if events is None else [event.as_dict() for event in events],
            "latest_input_channel": self.latest_channel,
            "active_loop": state.loop.as_dict() if state.loop else {},
            "latest_action": dict(state.latest_action),
            "latest_action_name": state.action_name,
        }

    @property
    def latest_channel(self) -> str | None:
        """Where the last message came from."""
        spoken = (e for e in reversed(self.tail) if e.name == "user")
        channel = next((e.data.get("input_channel") for e in spoken), None)
        return channel if isinstance(channel, str) else None


_START = Event(name="start", timestamp=0.0, data={})
