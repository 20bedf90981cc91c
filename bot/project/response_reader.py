"""Reads responses (6.5) and refuses what Rasa refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.dialogue import names
from bot.project.mapping_reader import Say

KEYS = frozenset(
    {
        "id",
        "text",
        "image",
        "custom",
        "buttons",
        "button_type",
        "quick_replies",
        "attachment",
        "elements",
        "channel",
        "metadata",
        "condition",
    }
)


def read(written: Mapping[str, Any], say: Say) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """The variations of each response, as they are written."""
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for name, variations in written.items():
        if not isinstance(variations, list) or not variations:
            say(f"response {name!r} has no text.", "responses", name, "Write `- text: ...`.")
            continue
        for problem, hint in _problems(variations):
            say(f"response {name!r}: {problem}", "responses", name, hint)
        found[str(name)] = tuple(one for one in variations if isinstance(one, dict))
    return found


def _problems(variations: list[Any]) -> Iterator[tuple[str, str]]:
    for one in variations:
        if not isinstance(one, dict):
            yield f"{one!r} is no variation.", "Write `- text: ...`."
            continue
        for key in one.keys() - KEYS:
            yield f"unknown key {key!r}.", f"Known are: {', '.join(sorted(KEYS))}."
        if not isinstance(one.get("text"), str) and not one.get("custom"):
            yield "a variation without text.", "Add `text:`, or `custom:` for a payload."
        if one.get("attachment") is not None and not isinstance(one["attachment"], dict):
            yield "an attachment that is no mapping.", "Write `attachment:` with `type:` below it."
        for condition in one.get("condition") or ():
            if not isinstance(condition, dict) or not {"name", "value"} <= condition.keys():
                yield "a condition without name or value.", "Write type: slot, name and value."
        for button in one.get("buttons") or ():
            if not isinstance(button, dict) or "title" not in button:
                yield "a button without title.", "Buttons have title and payload."


def retrieval_intents(responses: Mapping[str, Any]) -> frozenset[str]:
    """Intents that responses as `utter_faq/price` answer."""
    keys = (name.removeprefix(names.UTTER) for name in responses if name.startswith(names.UTTER))
    return frozenset(key.partition("/")[0] for key in keys if "/" in key)
