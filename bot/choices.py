"""A choice made by its number: what visitors write where a channel shows buttons as a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain import Button, StoredEvent

LOOKED_AT = 30  # events from the end; a turn has fewer
_NUMBER = re.compile(r"[（(#]?\s*(\d{1,2})\s*[.。)）、]?")


def number_in(words: str) -> int | None:
    """The number that `words` consist of, as in "2", "2.", "(2)" or "２"; None for other words."""
    found = _NUMBER.fullmatch(words.strip())
    return int(found[1]) if found else None


def offered(events: Sequence[StoredEvent]) -> tuple[Button, ...]:
    """The buttons of the bot's last reply, in the order shown.

    Args:
        events: of one conversation, oldest first.
    """
    found: list[Button] = []
    for stored in reversed(events):
        if stored.event.name == "user":
            break
        if stored.event.name == "bot":
            buttons = (stored.event.data.get("data") or {}).get("buttons") or ()
            found[:0] = [Button(title=b["title"], payload=b["payload"]) for b in buttons]
    return tuple(found)


def chosen(words: str, events: Sequence[StoredEvent]) -> Button | None:
    """The button whose number `words` are; None if they are no number of one."""
    number, buttons = number_in(words), offered(events)
    return buttons[number - 1] if number is not None and 0 < number <= len(buttons) else None
