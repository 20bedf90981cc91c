"""A tracker as JSON, so that a long conversation need not be folded from its first event.

A snapshot holds what the tracker knows behind its last event: state, history, the forms that ever
ran. It is bound to the domain and to what policies look at: another version of the project folds
anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from bot.dialogue.domain import Domain
from bot.dialogue.history import History, Sight
from bot.dialogue.state import Loop, State
from bot.dialogue.tracker import Tracker
from bot.domain import Event

FORMAT = 1
"""Raised when states are kept or events folded otherwise: older snapshots are not read then."""


def fingerprint(domain: Domain, sight: Sight) -> str:
    """Names what a snapshot is bound to."""
    seen = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in asdict(sight).items()}
    kept = [FORMAT, domain.raw, seen]
    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(kept, option=option)).hexdigest()[:32]


def taken(tracker: Tracker) -> dict[str, Any]:
    """What `tracker` knows, as JSON values; as if it had just been read from the store."""
    history = tracker.history
    return {
        "count": tracker.count,
        "loops": sorted(tracker.loops),
        "state": _state(tracker.replayed),
        "steps": [_state(step) for step in history.steps],
        "story": list(history.story),
        "hidden": history.hidden,
        "story_action": dict(history.story_action),
    }


def restored(snapshot: Mapping[str, Any], sender: str, domain: Domain, sight: Sight) -> Tracker:
    """The tracker that `snapshot` was taken of; nothing before it can be gone back to."""
    history = History(
        steps=tuple(_to_state(step) for step in snapshot["steps"]),
        story=tuple(snapshot["story"]),
        hidden=snapshot["hidden"],
        story_action=snapshot["story_action"],
    )
    return Tracker.behind(
        _to_state(snapshot["state"]),
        history,
        sender=sender,
        domain=domain,
        sight=sight,
        loops=snapshot["loops"],
        count=snapshot["count"],
    )


def _state(state: State) -> dict[str, Any]:
    message = state.latest_message
    return {
        "slots": dict(state.slots),
        "touched": sorted(state.touched),
        "paused": state.paused,
        "followup": state.followup,
        "latest_action": dict(state.latest_action),
        "latest_message": message and [message.name, message.timestamp, dict(message.data)],
        "use_text": state.use_text,
        "loop": state.loop.as_dict() if state.loop else None,
    }


def _to_state(kept: Mapping[str, Any]) -> State:
    message = kept["latest_message"]
    return State(
        slots=kept["slots"],
        touched=frozenset(kept["touched"]),
        paused=kept["paused"],
        followup=kept["followup"],
        latest_action=kept["latest_action"],
        latest_message=message
        and Event(name=message[0], timestamp=float(message[1]), data=message[2]),
        use_text=kept["use_text"],
        loop=Loop(**kept["loop"]) if kept["loop"] else None,
    )
