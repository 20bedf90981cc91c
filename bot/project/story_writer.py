"""Writes what happened in a conversation as a story, and data as YAML."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from ruamel.yaml import YAML

from bot.dialogue import events, names
from bot.domain import Event


def story_of(name: str, happened: Iterable[Event]) -> str:
    """The events as a story in Rasa's format, sessions and listening left out."""
    return yaml_of(
        {"version": "3.1", "stories": [{"story": name, "steps": list(_steps(happened))}]}
    )


def yaml_of(data: Any) -> str:
    """Plain data as YAML."""
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_unicode = True
    written = io.StringIO()
    yaml.dump(data, written)
    return written.getvalue()


def _steps(happened: Iterable[Event]) -> Iterator[dict[str, Any]]:
    for event in happened:
        if event.name == "user":
            yield _user(event)
        elif event.name == "slot":
            yield {"slot_was_set": [{event.data["name"]: event.data["value"]}]}
        elif event.name == "active_loop":
            yield {"active_loop": event.data["name"]}
        elif event.name == "action":
            action = event.data.get("name")
            if action not in (names.LISTEN, names.SESSION_START):
                yield {"action": action}


def _user(event: Event) -> dict[str, Any]:
    step: dict[str, Any] = {"intent": events.intent_of(event), "user": event.data.get("text")}
    found = events.entities_of(event)
    if found and not str(step["user"]).startswith("/"):
        step["entities"] = [{entity["entity"]: entity.get("value")} for entity in found]
    return step
