"""WhatsApp Cloud: what people write to a business's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp

from bot.channels import meta, reading, split
from bot.channels.channel import Channel, Inbound, Received, Request
from bot.channels.meta import Settings
from bot.domain import BotMessage, Button, Language
from bot.text import language_of

TEXT, BODY = 4096, 1024  # characters of a text, and of one above buttons
REPLY_BUTTONS, REPLY_TITLE, REPLY_ID = 3, 20, 256
LIST_ROWS, ROW_TITLE, ROW_DESCRIPTION, ROW_ID = 10, 24, 72, 200
_CHOOSE = {Language.EN: "Choose", Language.ZH: "请选择"}
_NOT_MESSAGES = {"reaction", "system", "unsupported", "unknown", "ephemeral", "request_welcome"}


class WhatsApp(meta.Meta):
    """The numbers of one WhatsApp Business account."""

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        if request.method == "GET":
            return meta.handshake(request)
        data = reading.json_object(request.body)
        if data.get("object") != "whatsapp_business_account":
            return Received()
        changes = [
            reading.mapping(change)
            for entry in reading.items(data.get("entry"))
            for change in reading.items(reading.mapping(entry).get("changes"))
        ]
        return Received(
            messages=[
                message
                for change in changes
                if change.get("field") == "messages"
                for message in _said(reading.mapping(change.get("value")))
            ]
        )

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["whatsapp"]` is sent as it is, a template for instance."""
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
            **piece,
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": address["to"],
        }
        await self.post(http, address["number"], message)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return WhatsApp(name, settings)


def _said(value: Mapping[str, Any]) -> Iterator[Inbound]:
    number = reading.string(reading.mapping(value.get("metadata")).get("phone_number_id"))
    contacts = map(reading.mapping, reading.items(value.get("contacts")))
    names = {
        reading.string(contact.get("wa_id")): reading.string(
            reading.mapping(contact.get("profile")).get("name")
        )
        for contact in contacts
    }
    for message in map(reading.mapping, reading.items(value.get("messages"))):
        sender, own = reading.string(message.get("from")), reading.string(message.get("id"))
        kind = reading.string(message.get("type"))
        text, title = _words(message, kind)
        if not (text and sender and number):
            continue
        profile = names.get(sender, "")
        yield Inbound(
            account=number,
            sender=sender,
            text=text,
            title=title or None,
            dedupe_key=reading.key(own)
            if own
            else reading.key(sender, reading.string(message.get("timestamp")), text),
            metadata={"name": profile} if profile else {},
            address={"number": number, "to": sender},
        )


def _words(message: Mapping[str, Any], kind: str) -> tuple[str, str]:
    """Text and title of the button."""
    content = reading.mapping(message.get(kind))
    if kind == "text":
        return reading.string(content.get("body")), ""
    if kind == "button":  # of a template
        title = reading.string(content.get("text"))
        return reading.string(content.get("payload")) or title, title
    if kind == "interactive":
        reply = reading.mapping(content.get("button_reply") or content.get("list_reply"))
        title = reading.string(reply.get("title"))
        return reading.string(reply.get("id")) or title, title
    if kind in _NOT_MESSAGES or not kind:
        return "", ""
    return reading.string(content.get("caption")) or reading.placeholder(kind), ""


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("whatsapp"))
    if custom:
        yield dict(custom)
    few = meta.few(message.buttons, REPLY_BUTTONS, REPLY_ID)
    buttons = message.buttons if few or meta.few(message.buttons, LIST_ROWS, ROW_ID) else ()
    if few:
        text, titles = meta.lettering(message, buttons, REPLY_TITLE)
    else:  # a row of the list has room for the whole title in its description
        text, titles = meta.lettering(message, buttons, ROW_TITLE)
    texts = split.split(text, BODY if buttons else TEXT)
    for place, part in enumerate(texts, start=1):
        if not (buttons and place == len(texts)):
            yield {"type": "text", "text": {"body": part, "preview_url": False}}
        elif few:
            yield _reply_buttons(part, titles, buttons)
        else:
            yield _rows(part, titles, buttons)
    if meta.is_link(message.image):
        yield {"type": "image", "image": {"link": message.image}}
    for part in split.split(meta.rest_of(message), TEXT):
        yield {"type": "text", "text": {"body": part, "preview_url": True}}


def _reply_buttons(text: str, titles: list[str], buttons: Sequence[Button]) -> dict[str, Any]:
    shown = [
        {"type": "reply", "reply": {"id": button.payload, "title": title}}
        for title, button in zip(titles, buttons, strict=True)
    ]
    content = {"type": "button", "body": {"text": text}, "action": {"buttons": shown}}
    return {"type": "interactive", "interactive": content}


def _rows(text: str, titles: list[str], buttons: Sequence[Button]) -> dict[str, Any]:
    rows = [
        {"id": button.payload, "title": title}
        | ({"description": split.shorten(button.title, ROW_DESCRIPTION)} if "…" in title else {})
        for title, button in zip(titles, buttons, strict=True)
    ]
    action = {"button": _CHOOSE[language_of(text)], "sections": [{"rows": rows}]}
    content = {"type": "list", "body": {"text": text}, "action": action}
    return {"type": "interactive", "interactive": content}
