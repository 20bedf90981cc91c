"""A WeCom app: sealed XML comes in, texts and button cards go out by the message API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, plain, reading, rendering, split, wechat_api, wechat_crypto
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage, Button

TEXT_BYTES = 2048
CARD_BUTTONS = 6
CARD_TEXT = 112  # characters under the card's title
BUTTON_WIDTH = 20  # columns: ten Chinese characters
KEY_BYTES = 1024
DEFAULT_URL = "https://qyapi.weixin.qq.com"


class Settings(catalogue.ChannelSettings):
    """`[channels.wecom]`."""

    corp_id: str = Field(description="Corp id, ww...")
    agent_id: int = Field(description="AgentId of the app.")
    secret: SecretStr = Field(description="Secret of the app; fetches access tokens.")
    token: SecretStr = Field(description="Token, as chosen at 'Receive messages' of the app.")
    aes_key: SecretStr = Field(description="EncodingAESKey, 43 letters and digits.")
    api_url: str = Field(default=DEFAULT_URL, description="Where WeCom's API is; for a proxy.")


class WeCom:
    """One app of a company."""

    # The vendor's duplicate check compares contents, not keys: with it a customer who asks twice
    # would get no second answer (docs/decisions/0037).
    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._agent_id = settings.agent_id
        self._envelope = envelope(settings.token, settings.aes_key, settings.corp_id)
        base = settings.api_url.rstrip("/")
        secret = settings.secret.get_secret_value()
        fetch = wechat_api.corp_token(base, settings.corp_id, secret)
        self._api = wechat_api.Api(base, fetch)

    def verify(self, request: Request) -> None:
        """See `Channel`."""
        verify(self._envelope, request)

    def parse(self, request: Request) -> Received:
        """See `Channel`."""
        if request.method == "GET":
            return url_check(self._envelope, request)
        values = opened(self._envelope, request)
        said = _said(values)
        return Received(messages=() if said is None else (_inbound(values, *said),))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and cards where the choices fit on buttons."""
        return rendering.pieces(messages, text=text_piece, choices=_with_card, limit=TEXT_BYTES)

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`."""
        body = {"touser": address.get("to"), "agentid": self._agent_id, **piece}
        if "template_card" in piece:  # its id must be unique within the app
            task_id = hashlib.sha256(key.encode()).hexdigest()
            body["template_card"] = {**piece["template_card"], "task_id": task_id}
        await self._api.post(http, "/cgi-bin/message/send", body)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Fetch an access token; the URL is checked by the vendor when it is saved there."""
        return await wechat_api.check_token(self._api.token, http, "docs/channels/wecom.md")


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return WeCom(name, settings)


def envelope(token: SecretStr, aes_key: SecretStr, receiver: str) -> wechat_crypto.Envelope:
    """The envelope with keys from settings."""
    return wechat_crypto.Envelope(
        token=token.get_secret_value(), aes_key=aes_key.get_secret_value(), receiver=receiver
    )


def verify(seal: wechat_crypto.Envelope, request: Request) -> None:
    """Of WeCom's requests all are sealed, the URL check too.

    Raises:
        errors.Forged: it was not sealed with our keys.
    """
    if request.method == "GET":
        echo = request.query.get("echostr", "")
        seal.check(request, echo, name="msg_signature")
        seal.decrypted(echo)
    else:
        seal.opened(request)


def url_check(seal: wechat_crypto.Envelope, request: Request) -> Received:
    """The opened `echostr`, bare: a quote, mark or newline would fail the check."""
    try:
        return Received(answer=HttpAnswer(body=seal.decrypted(request.query.get("echostr", ""))))
    except errors.Forged as cause:
        raise errors.BadRequest("This is no URL check.", hint="Save the URL again.") from cause


def opened(seal: wechat_crypto.Envelope, request: Request) -> dict[str, str]:
    """The fields of a sealed message.

    Raises:
        errors.BadRequest: it is none.
    """
    try:
        return wechat_crypto.fields(seal.opened(request))
    except errors.Forged as cause:
        raise errors.BadRequest("The message is not sealed.", hint="Check the keys.") from cause


def text_piece(words: str) -> dict[str, Any]:
    """A text as WeCom's send calls take it."""
    return {"msgtype": "text", "text": {"content": words}}


def _said(values: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Text and title of what a person said; None for other events."""
    kind, pressed = values.get("MsgType", ""), values.get("EventKey", "")
    if kind == "event":
        if not pressed or values.get("Event") not in ("click", "template_card_event"):
            return None
        payload, _, title = pressed.partition("\n")
        return payload, title or None
    if kind == "text":
        return values.get("Content", ""), None
    return (reading.placeholder(kind), None) if kind and values.get("MsgId") else None


def _inbound(values: Mapping[str, str], text: str, title: str | None) -> Inbound:
    sender, created = values.get("FromUserName", ""), values.get("CreateTime", "")
    event = (values.get(name, "") for name in ("Event", "EventKey", "TaskId"))
    unique = values.get("MsgId") or ":".join(event)
    return Inbound(
        account=values.get("ToUserName", "") + ":" + values.get("AgentID", ""),
        sender=sender,
        text=text or reading.UNREADABLE,
        title=title,
        dedupe_key=reading.key(unique, sender, created),
        metadata={"type": values.get("MsgType", "")},
        address={"to": sender},
    )


def _with_card(message: BotMessage) -> list[dict[str, Any]]:
    """A card with the buttons; a longer text goes before it."""
    buttons = message.buttons
    if len(buttons) > CARD_BUTTONS or any(split.utf8(_key(b)) > KEY_BYTES for b in buttons):
        return []
    text, captions = plain.captions(message.text, buttons, BUTTON_WIDTH, columns)
    before = [] if len(text) <= CARD_TEXT else split.split(text, TEXT_BYTES, split.utf8)
    card = {
        "card_type": "button_interaction",
        "main_title": {"title": plain.invitation(text + captions[0])},
        "button_list": [
            {"text": caption, "style": 2, "key": _key(button)}
            for caption, button in zip(captions, buttons, strict=True)
        ],
    }
    if not before:
        card["sub_title_text"] = text
    return [*map(text_piece, before), {"msgtype": "template_card", "template_card": card}]


def _key(button: Button) -> str:
    """What a pressed button gives back: the vendor does not say what stood on it."""
    return f"{button.payload}\n{button.title}"


def columns(text: str) -> int:
    """The width of `text` where Chinese characters take two columns."""
    return sum(2 if char >= "\u2e80" else 1 for char in text)
