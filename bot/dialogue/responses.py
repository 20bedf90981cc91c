"""Responses of the domain: which variation, and what stands in its places (6.5)."""

from __future__ import annotations

import copy
import random
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.dialogue import events
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker
from bot.domain import Event

FILLED = ("text", "image", "custom", "buttons", "attachment", "quick_replies")
"""The parts of a response that may hold places; cards may not."""
_PLACE = re.compile(r"\{([^\n{}]+?)\}")
_LEFT = "0["


class Responder(Protocol):
    """Finds the words of a response."""

    async def say(
        self, response: str, tracker: Tracker, channel: str, args: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The response as Rasa writes it; None when there is nothing to say on this channel."""


class DomainResponder:
    """Says what the domain says."""

    def __init__(self, domain: Domain) -> None:
        """Say the responses of `domain`."""
        self._domain = domain

    async def say(
        self, response: str, tracker: Tracker, channel: str, args: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """A variation that fits, by chance among equals, with its places filled."""
        return render(self._domain, response, tracker.state.slots, channel, args)


def render(
    domain: Domain,
    response: str,
    slots: Mapping[str, Any],
    channel: str,
    args: Mapping[str, Any],
) -> dict[str, Any] | None:
    """A variation of `response` with `args`, or else slots, in its places."""
    usable = fitting(domain.responses.get(response, ()), slots, channel)
    if not usable:
        return None
    chosen: dict[str, Any] = copy.deepcopy(dict(random.choice(usable)))  # noqa: S311 - no secret
    values = {**slots, **args}
    return {key: _fill(part, values) if key in FILLED else part for key, part in chosen.items()}


def fitting(
    variations: Sequence[Mapping[str, Any]], slots: Mapping[str, Any], channel: str
) -> list[Mapping[str, Any]]:
    """The variations of the best kind: for this channel before any, conditional before plain."""
    plain = [one for one in variations if one.get("condition") is None]
    conditional = [one for one in variations if one.get("condition") and _holds(one, slots)]
    for wanted in (channel, None):
        for group in (conditional, plain):
            found = [one for one in group if one.get("channel") == wanted]
            if found:
                return found
    return []


def _holds(variation: Mapping[str, Any], slots: Mapping[str, Any]) -> bool:
    for condition in variation["condition"]:
        wanted, there = condition["value"], slots.get(condition["name"])
        if isinstance(wanted, str) and isinstance(there, str):
            wanted, there = wanted.casefold(), there.casefold()
        if wanted != there:
            return False
    return True


def _fill(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, str):
        return fill_text(part, values)
    if isinstance(part, dict):
        return {key: _fill(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, values) for value in part]
    return part


class _Filler(string.Formatter):
    """Looks names up in a mapping and nowhere else: no attributes, no indexes."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        """The value of `0[name]`."""
        if not field_name.startswith(_LEFT):
            raise KeyError(field_name)
        return args[0][field_name.removeprefix(_LEFT).removesuffix("]")], field_name


def fill_text(text: str, values: Mapping[str, Any]) -> str:
    """`text` with values for `{name}` and single for doubled braces; as it is if one is unknown."""
    try:
        filled = _Filler().vformat(_PLACE.sub(r"{0[\1]}", text), (values,), {})
        if _LEFT not in filled:
            return filled
        return _Filler().vformat(text, ({},), {})  # only doubled braces, as of a payload
    except (KeyError, ValueError, IndexError):
        return text


def bot_event(message: Mapping[str, Any]) -> Event:
    """The event of a message as a response or an action server writes it."""
    rest = dict(message)
    text, image = rest.pop("text", None), rest.get("image")
    data = {
        "elements": rest.pop("elements", None),
        "quick_replies": rest.pop("quick_replies", None),
        "buttons": rest.pop("buttons", None),
        "attachment": rest.pop("attachment", None) or image,
        "image": rest.pop("image", None),
        "custom": rest.pop("custom", None),
    }
    return events.make("bot", metadata=rest, text=text, data=data)
