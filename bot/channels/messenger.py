"""Messenger: what people write to a Facebook page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp

from bot.channels import meta, reading, split
from bot.channels.channel import Channel, Inbound, Received, Request
from bot.channels.meta import Settings
from bot.domain import BotMessage

TEXT = 2000  # characters
QUICK_REPLIES, QUICK_TITLE, QUICK_PAYLOAD = 13, 20, 1000


class Messenger(meta.Meta):
    """A Facebook page."""

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        if request.method == "GET":
            return meta.handshake(request)
        data = reading.json_object(request.body)
        if data.get("object") != "page":
            return Received()
        entries = map(reading.mapping, reading.items(data.get("entry")))
        return Received(
            messages=[
                message
                for entry in entries
                for event in reading.items(entry.get("messaging"))
                for message in _said(reading.mapping(event), entry)
            ]
        )

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["messenger"]` is sent as the message object."""
        return [piece for message in messages for piece in _rendered(message)]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`."""
        message = {
            "recipient": {"id": address["recipient"]},
            "messaging_type": "RESPONSE",
            "message": dict(piece),
        }
        await self.post(http, address["page"], message)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Messenger(name, settings)


def _said(event: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Inbound]:
    message, postback = (
        reading.mapping(event.get("message")),
        reading.mapping(event.get("postback")),
    )
    sender = reading.string(reading.mapping(event.get("sender")).get("id"))
    page = reading.string(entry.get("id"))
    text, title, metadata = _words(message, postback)
    if not (text and sender and page) or message.get("is_echo") is True:
        return
    mid = reading.string(message.get("mid")) or reading.string(postback.get("mid"))
    if not mid:  # older postbacks have none
        mid = reading.key(sender, reading.string(event.get("timestamp")), text)
    yield Inbound(
        account=page,
        sender=sender,
        text=text,
        title=title or None,
        dedupe_key=reading.key(mid),
        metadata=metadata,
        address={"page": page, "recipient": sender},
    )


def _words(
    message: Mapping[str, Any], postback: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    """Text, title of the button, and metadata."""
    if postback:
        payload, title = (reading.string(postback.get(name)) for name in ("payload", "title"))
        return payload or title, title if payload else "", {}
    text = reading.string(message.get("text"))
    payload = reading.string(reading.mapping(message.get("quick_reply")).get("payload"))
    if payload:
        return payload, text, {}
    attachments = [reading.mapping(a) for a in reading.items(message.get("attachments"))]
    kinds = [reading.string(attachment.get("type")) for attachment in attachments]
    if kinds and not text:
        text = reading.placeholder(kinds[0])
    return text, "", {"attachments": kinds} if kinds else {}


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("messenger"))
    if custom:
        yield dict(custom)
    buttons = message.buttons if meta.few(message.buttons, QUICK_REPLIES, QUICK_PAYLOAD) else ()
    text, titles = meta.lettering(message, buttons, QUICK_TITLE)
    texts = split.split(text, TEXT)
    for place, part in enumerate(texts, start=1):
        piece: dict[str, Any] = {"text": part}
        if buttons and place == len(texts):
            piece["quick_replies"] = [
                {"content_type": "text", "title": title, "payload": button.payload}
                for title, button in zip(titles, buttons, strict=True)
            ]
        yield piece
    if meta.is_link(message.image):
        yield {"attachment": {"type": "image", "payload": {"url": message.image}}}
    for part in split.split(meta.rest_of(message), TEXT):
        yield {"text": part}
