"""Degrades what a channel cannot show into text: buttons, pictures, attachments.

A choice becomes a numbered list in the language of the text; a picture or attachment its link.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels import split
from bot.domain import BotMessage, Button, Language
from bot.text import language_of

INVITATIONS = {Language.EN: "Please choose:", Language.ZH: "请选择："}
# Before a list: `bot.choices` takes the number that comes back as the button.
NUMBERS = {Language.EN: "Please reply with a number:", Language.ZH: "请回复序号："}
_LINKS = ("src", "url", "link", "href")


def numbered(text: str, buttons: Sequence[Button]) -> str:
    """`text` with its choices below it, one a line."""
    if not buttons:
        return text
    choices = [f"{n}. {button.title}" for n, button in enumerate(buttons, start=1)]
    words = " ".join([text, *(button.title for button in buttons)])
    return "\n".join(filter(None, [text, NUMBERS[language_of(words)], *choices]))


def captions(
    text: str, buttons: Sequence[Button], limit: int, unit: split.Unit = split.characters
) -> tuple[str, list[str]]:
    """The text and what to write on its buttons, each at most `limit`.

    Where a title is too long, the text lists all of them in full, and each button shows its number
    and the beginning; so nothing is hidden, and no two buttons look alike.
    """
    titles = [" ".join(button.title.split()) or str(n) for n, button in enumerate(buttons, 1)]
    if all(unit(title) <= limit for title in titles) and len(set(titles)) == len(titles):
        return text, titles
    short = [split.shorten(f"{n}. {title}", limit, unit) for n, title in enumerate(titles, 1)]
    return numbered(text, buttons), short


def invitation(text: str) -> str:
    """The words before buttons that have none of their own, in the language of `text`."""
    return INVITATIONS[language_of(text)]


def as_text(message: BotMessage) -> str:
    """All of `message` that can be said in words; empty if it is only `custom`."""
    parts = [
        numbered(message.text, message.buttons),
        message.image,
        attachment_text(message.attachment),
    ]
    return "\n\n".join(filter(None, parts))


def attachment_text(attachment: object) -> str:
    """An attachment in words: its title and link, those of its cards below each other.

    It may be a link, or an object in Rasa's form: `{"type", "payload": {"src" | "elements"}}`.
    """
    if isinstance(attachment, str):
        return attachment
    if isinstance(attachment, list):
        return "\n".join(filter(None, map(attachment_text, attachment)))
    if not isinstance(attachment, Mapping):
        return ""
    own = [_first(attachment, ("title",)), _first(attachment, ("subtitle",)), link_of(attachment)]
    inner = [
        attachment_text(attachment.get("payload")),
        attachment_text(attachment.get("elements")),
    ]
    lines = list(dict.fromkeys(filter(None, own + inner)))
    return "\n".join(lines)


def link_of(attachment: object) -> str:
    """The link of an attachment itself, not of what is within it; empty if there is none."""
    if isinstance(attachment, str):
        return attachment if attachment.startswith(("https://", "http://")) else ""
    return _first(attachment, _LINKS) if isinstance(attachment, Mapping) else ""


def _first(values: Mapping[str, Any], names: Sequence[str]) -> str:
    found = (values.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")
