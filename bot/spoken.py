"""From the `bot` event of a tracker to the messages that a visitor sees, in Rasa's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain import BotMessage, Button


def parts(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages of an event as JSON with only what there is.

    A text with buttons stays whole, another is split at blank lines; custom parts, a picture, an
    attachment and cards follow, each as a message of its own.
    """
    rich = data.get("data") or {}
    text, buttons = data.get("text"), rich.get("quick_replies") or rich.get("buttons")
    if buttons:
        yield _present(text=text, buttons=buttons)
    elif text:
        yield from ({"text": part} for part in str(text).strip().split("\n\n"))
    if rich.get("custom"):
        yield {"custom": rich["custom"]}
    if rich.get("image"):
        yield {"image": rich["image"]}
    if rich.get("attachment") and rich["attachment"] != rich.get("image"):
        yield {"attachment": rich["attachment"]}
    for card in rich.get("elements") or ():
        title = f"{card.get('title', '')} : {card.get('subtitle', '')}"
        yield _present(text=title, buttons=card.get("buttons", []))


def _present(**message: Any) -> dict[str, Any]:
    return {key: value for key, value in message.items() if value is not None}


def messages(data: Mapping[str, Any]) -> tuple[BotMessage, ...]:
    """The messages of an event as our channels take them."""
    return tuple(_message(part) for part in parts(data))


def _message(part: Mapping[str, Any]) -> BotMessage:
    custom = part.get("custom")
    return BotMessage(
        text=str(part.get("text") or ""),
        buttons=tuple(_button(button) for button in part.get("buttons") or ()),
        image=str(part.get("image") or ""),
        attachment=part.get("attachment"),
        custom=custom if isinstance(custom, Mapping) or custom is None else {"items": custom},
    )


def _button(button: Mapping[str, Any]) -> Button:
    title = str(button.get("title") or "")
    return Button(title=title, payload=str(button.get("payload") or button.get("url") or title))
