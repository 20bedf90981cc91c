"""From bot messages to pieces, where a channel has texts of limited size and one way to choose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bot.channels import plain, split
from bot.domain import BotMessage

Piece = dict[str, Any]


def pieces(
    messages: Iterable[BotMessage],
    *,
    text: Callable[[str], Piece],
    choices: Callable[[BotMessage], Sequence[Piece]],
    limit: int,
    unit: split.Unit = split.utf8,
) -> list[Piece]:
    """What to send, in order.

    Args:
        messages: pictures and attachments become links below their text.
        text: makes a piece of a text within `limit`.
        choices: makes pieces of a message's text and buttons; none when they do not fit, then the
            choices become a numbered list.
        limit: of one text, in `unit`.
        unit: how the channel counts.
    """
    made: list[Piece] = []
    for message in messages:
        shown = choices(_worded(message)) if _presentable(message) else ()
        rest = dataclasses.replace(message, text="", buttons=()) if shown else message
        made += [*shown, *map(text, split.split(plain.as_text(rest), limit, unit))]
    return made


def _worded(message: BotMessage) -> BotMessage:
    """With words before the choices, which vendors demand and people want."""
    if message.text.strip():
        return message
    titles = " ".join(button.title for button in message.buttons)
    return dataclasses.replace(message, text=plain.invitation(titles))


def _presentable(message: BotMessage) -> bool:
    """Vendors refuse buttons without words or without anything to send."""
    buttons = message.buttons
    return bool(buttons) and all(b.title.strip() and b.payload.strip() for b in buttons)
