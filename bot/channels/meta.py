"""Meta: Messenger and WhatsApp Cloud, which share handshake, signature and the Graph API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot import errors
from bot.channels import calling, plain, reading, signatures, split
from bot.channels.channel import Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage, Button, Language
from bot.text import language_of

API = "https://graph.facebook.com/v24.0"
MESSENGER_TEXT, WHATSAPP_TEXT, WHATSAPP_BODY = 2000, 4096, 1024  # characters
QUICK_REPLIES, QUICK_TITLE, QUICK_PAYLOAD = 13, 20, 1000
REPLY_BUTTONS, REPLY_TITLE, REPLY_ID = 3, 20, 256
LIST_ROWS, ROW_TITLE, ROW_DESCRIPTION, ROW_ID = 10, 24, 72, 200
_CHOOSE = {Language.EN: "Choose", Language.ZH: "请选择"}
# Codes of errors that pass: rates, spam protection, their own trouble.
_TEMPORARY = {
    *(1, 2, 4, 17, 32, 341, 368, 613, 1200, 80007),
    *(130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016),
}
_NOT_MESSAGES = {"reaction", "system", "unsupported", "unknown", "ephemeral", "request_welcome"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meta:
    """What both have in common."""

    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    """Any word of yours; typed into the vendor's page, asked for once in the handshake."""
    access_token: str = field(repr=False)
    api: str = API
    """With the version of the Graph API."""
    delivery: Delivery = Delivery.AT_LEAST_ONCE

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        if request.method == "GET":
            if request.query.get("hub.mode") != "subscribe":
                raise errors.Forged
            signatures.check(request.query.get("hub.verify_token", ""), self.verify_token)
            return
        given = signatures.header(request, "X-Hub-Signature-256")
        right = signatures.hmac_hex(self.app_secret.encode(), request.body)
        signatures.check(given, "sha256=" + right)

    async def _post(
        self, http: aiohttp.ClientSession, account: str, message: Mapping[str, Any], vendor: str
    ) -> None:
        answer = await calling.call(
            http,
            f"{self.api}/{account}/messages",
            vendor=vendor,
            json=message,
            headers={"Authorization": f"Bearer {self.access_token}"},
        )
        error = reading.mapping(answer.data.get("error"))
        if answer.ok and not error:
            return
        code = error.get("code")
        passing = error.get("is_transient") is True or code in _TEMPORARY
        subcode = error.get("error_subcode", "")
        raise calling.refusal(
            answer,
            vendor=vendor,
            code=f"code {code}, subcode {subcode}" if error else "",
            permanent=False if passing else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Messenger(_Meta):
    """A Facebook page."""

    name: str = "messenger"

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        if request.method == "GET":
            return _handshake(request)
        data = reading.json_object(request.body)
        if data.get("object") != "page":
            return Received()
        entries = map(reading.mapping, reading.items(data.get("entry")))
        return Received(
            messages=[
                message
                for entry in entries
                for event in reading.items(entry.get("messaging"))
                for message in _messenger_said(reading.mapping(event), entry)
            ]
        )

    def render(
        self, messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["messenger"]` is sent as the message object."""
        return [piece for message in messages for piece in _for_messenger(message)]

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
        await self._post(http, address["page"], message, "Messenger")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsApp(_Meta):
    """The numbers of one WhatsApp Business account."""

    name: str = "whatsapp"

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        if request.method == "GET":
            return _handshake(request)
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
                for message in _whatsapp_said(reading.mapping(change.get("value")))
            ]
        )

    def render(
        self, messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["whatsapp"]` is sent as it is, a template for instance."""
        return [piece for message in messages for piece in _for_whatsapp(message)]

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
        await self._post(http, address["number"], message, "WhatsApp")


def _handshake(request: Request) -> Received:
    challenge = request.query.get("hub.challenge", "")
    return Received(answer=HttpAnswer(body=signatures.as_bytes(challenge)))


def _messenger_said(event: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Inbound]:
    message, postback = (
        reading.mapping(event.get("message")),
        reading.mapping(event.get("postback")),
    )
    sender = reading.string(reading.mapping(event.get("sender")).get("id"))
    page = reading.string(entry.get("id"))
    text, title, metadata = _messenger_words(message, postback)
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


def _messenger_words(
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


def _whatsapp_said(value: Mapping[str, Any]) -> Iterator[Inbound]:
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
        text, title = _whatsapp_words(message, kind)
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


def _whatsapp_words(message: Mapping[str, Any], kind: str) -> tuple[str, str]:
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


def _for_messenger(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("messenger"))
    if custom:
        yield dict(custom)
    buttons = message.buttons if _few(message.buttons, QUICK_REPLIES, QUICK_PAYLOAD) else ()
    text, titles = _lettering(message, buttons, QUICK_TITLE)
    texts = split.split(text, MESSENGER_TEXT)
    for place, part in enumerate(texts, start=1):
        piece: dict[str, Any] = {"text": part}
        if buttons and place == len(texts):
            piece["quick_replies"] = [
                {"content_type": "text", "title": title, "payload": button.payload}
                for title, button in zip(titles, buttons, strict=True)
            ]
        yield piece
    if _is_link(message.image):
        yield {"attachment": {"type": "image", "payload": {"url": message.image}}}
    for part in split.split(_rest_of(message), MESSENGER_TEXT):
        yield {"text": part}


def _for_whatsapp(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("whatsapp"))
    if custom:
        yield dict(custom)
    few = _few(message.buttons, REPLY_BUTTONS, REPLY_ID)
    buttons = message.buttons if few or _few(message.buttons, LIST_ROWS, ROW_ID) else ()
    if few:
        text, titles = _lettering(message, buttons, REPLY_TITLE)
    else:  # a row of the list has room for the whole title in its description
        text, titles = _lettering(message, buttons, ROW_TITLE)
    texts = split.split(text, WHATSAPP_BODY if buttons else WHATSAPP_TEXT)
    for place, part in enumerate(texts, start=1):
        if not (buttons and place == len(texts)):
            yield {"type": "text", "text": {"body": part, "preview_url": False}}
        elif few:
            yield _reply_buttons(part, titles, buttons)
        else:
            yield _rows(part, titles, buttons)
    if _is_link(message.image):
        yield {"type": "image", "image": {"link": message.image}}
    for part in split.split(_rest_of(message), WHATSAPP_TEXT):
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


def _lettering(message: BotMessage, buttons: Sequence[Button], limit: int) -> tuple[str, list[str]]:
    """The text with what its buttons cannot show, and their titles."""
    if not buttons:
        return plain.numbered(message.text, message.buttons), []
    text, titles = plain.captions(message.text, buttons, limit)
    return text if text.strip() else plain.invitation(" ".join(titles)), titles


def _few(buttons: Sequence[Button], most: int, longest: int) -> bool:
    return 0 < len(buttons) <= most and all(0 < len(b.payload) <= longest for b in buttons)


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _rest_of(message: BotMessage) -> str:
    """What has no shape of its own here: an attachment, a picture that is no link."""
    image = "" if _is_link(message.image) else message.image
    return "\n\n".join(filter(None, [image, plain.attachment_text(message.attachment)]))
