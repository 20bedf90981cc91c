"""The events of a tracker (wire format, 4), made and read. An event is `bot.domain.Event`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot import errors
from bot.domain import Event

RENAMED = {"form": "active_loop", "form_validation": "loop_interrupted"}
"""Names of Rasa 1 and 2 that rasa-sdk may still send."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "user": {"text": None, "parse_data": {}, "input_channel": None, "message_id": None},
    "bot": {"text": None, "data": {}},
    "agent": {"text": None, "data": {}},
    "slot": {"name": None, "value": None},
    "action": {
        "name": None,
        "policy": None,
        "confidence": None,
        "action_text": None,
        "hide_rule_turn": False,
    },
    "active_loop": {"name": None},
    "loop_interrupted": {"is_interrupted": False},
    "action_execution_rejected": {"name": None, "policy": None, "confidence": None},
    "user_featurization": {"use_text_for_featurization": None},
    "entities": {"entities": []},
    "followup": {"name": None},
    "reminder": {
        "intent": None,
        "date_time": None,
        "entities": None,
        "name": None,
        "kill_on_user_msg": True,
    },
    "cancel_reminder": {"name": None, "intent": None, "entities": None},
    "export": {},
    "restart": {},
    "rewind": {},
    "undo": {},
    "reset_slots": {},
    "pause": {},
    "resume": {},
    "session_started": {},
}
"""What each kind of event holds beside its name, time and metadata."""


def make(kind: str, /, *, metadata: Mapping[str, Any] | None = None, **data: Any) -> Event:
    """An event that happens now."""
    kept = {"metadata": dict(metadata), **data} if metadata else data
    return Event(name=kind, timestamp=time.time(), data=kept)


def action(
    name: str,
    *,
    policy: str | None = None,
    confidence: float | None = None,
    hide_rule_turn: bool = False,
) -> Event:
    """An action was run."""
    return make(
        "action",
        name=name,
        policy=policy,
        confidence=confidence,
        action_text=None,
        hide_rule_turn=hide_rule_turn,
    )


def spoken(text: str, *, policy: str | None, confidence: float) -> Event:
    """The bot said what an end-to-end story says."""
    return make("action", name=None, policy=policy, confidence=confidence, action_text=text)


def slot(name: str, value: Any) -> Event:
    """A slot got a value."""
    return make("slot", name=name, value=value)


def active_loop(name: str | None) -> Event:
    """A form starts, or with None the running one ends."""
    return make("active_loop", name=name)


def user(
    text: str | None,
    parse: Mapping[str, Any],
    *,
    channel: str | None,
    message_id: str,
    metadata: Mapping[str, Any] | None = None,
) -> Event:
    """A message of the visitor, as it was understood."""
    parse_data = {"message_id": message_id, "metadata": dict(metadata or {}), **parse}
    return make(
        "user",
        metadata=metadata,
        text=text,
        parse_data=parse_data,
        input_channel=channel,
        message_id=message_id,
    )


def read(sent: Sequence[Any]) -> list[Event]:
    """The events of an action server or an API caller; entries without a name are left out.

    Raises:
        errors.BadRequest: an event of an unknown kind, or one that lacks what it is about.
    """
    return [_read(one) for one in sent if isinstance(one, dict) and one.get("event")]


def _read(one: Mapping[str, Any]) -> Event:
    sent_name = str(one["event"])
    name = RENAMED.get(sent_name, sent_name)
    if name not in DEFAULTS:
        raise errors.BadRequest(
            f"{sent_name!r} is no kind of event.", hint=f"Known are: {', '.join(sorted(DEFAULTS))}."
        )
    data = {key: one.get(key, default) for key, default in DEFAULTS[name].items()}
    if sent_name == "form_validation":
        data["is_interrupted"] = not one.get("validate", True)
    if name == "reminder" and data["name"] is None:
        data["name"] = str(uuid.uuid1())
    if name in ("slot", "followup") and not isinstance(data["name"], str):
        raise errors.BadRequest(f"An event {sent_name!r} without name.", hint="Send its `name`.")
    if name == "reminder":
        _check_due(data["date_time"])
    if name == "user":
        data["parse_data"] = _parse_of(one)
    if one.get("metadata"):
        data["metadata"] = one["metadata"]
    stamp = one.get("timestamp")
    at = float(stamp) if isinstance(stamp, int | float) else time.time()
    return Event(name=name, timestamp=at, data=data)


def _check_due(date_time: object) -> None:
    try:
        datetime.fromisoformat(str(date_time))
    except ValueError as cause:
        raise errors.BadRequest(
            f"A reminder at {date_time!r}.", hint="Send `date_time` as 2026-03-01T12:00:00+00:00."
        ) from cause


def _parse_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """The parse of a message, with the keys that every reader expects."""
    sent = dict(one.get("parse_data") or {})
    whole: dict[str, Any] = {
        "intent": sent.get("intent") or {},
        "entities": sent.get("entities") or [],
        "text": one.get("text"),
        "message_id": one.get("message_id"),
        "metadata": one.get("metadata") or {},
    }
    return whole | {key: value for key, value in sent.items() if value is not None}


def intent_of(event: Event | None) -> str | None:
    """The intent of a message, None when there is none."""
    if event is None:
        return None
    name = ((event.data.get("parse_data") or {}).get("intent") or {}).get("name")
    return name if isinstance(name, str) else None


def entities_of(event: Event | None) -> list[dict[str, Any]]:
    """The entities of a message."""
    if event is None:
        return []
    return list((event.data.get("parse_data") or {}).get("entities") or [])
