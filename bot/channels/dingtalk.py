"""DingTalk robot by HTTP: the timestamp is signed, the body is not; replies go to its own URL.

Who learns one signed header can write as anybody for an hour, so the URL to answer to is checked
against a list of hosts twice: when the message comes, and when the reply is sent.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, checks, outbound, plain, reading, rendering, signatures
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request, SendError
from bot.domain import BotMessage

TEXT_BYTES = 18_000  # the vendor takes 20 kB of JSON
CARD_BUTTONS = 10
WINDOW_MS = 3600 * 1000  # as the vendor says
_MILLISECONDS = re.compile(r"[0-9]{1,15}", re.ASCII)
SINGLE_CHAT = "1"
TOO_FAST = frozenset({130101, 410100})
WAIT_S = 60.0  # 20 messages a minute
REFUSED = frozenset({300005, 310000, 400101, 400105})
PLACEHOLDERS = {"picture": "image"}


class Settings(catalogue.ChannelSettings):
    """`[channels.dingtalk]`."""

    app_key: str = Field(description="Client ID (AppKey) of the app that the robot belongs to.")
    app_secret: SecretStr = Field(description="Client Secret (AppSecret); signs what comes in.")
    api_url: str = Field(
        default="https://api.dingtalk.com", description="DingTalk's API; `channel check` asks it."
    )
    reply_hosts: tuple[str, ...] = Field(
        default=("oapi.dingtalk.com", "api.dingtalk.com"),
        description="Hosts that replies may be sent to; the address comes with each message.",
    )


class DingTalk:
    """One robot."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._secret = settings.app_secret.get_secret_value()
        if not self._secret:
            raise errors.ConfigError(
                f"[channels.{name}] app_secret is empty.", hint="Copy the Client Secret."
            )

    def verify(self, request: Request) -> None:
        """See `Channel`."""
        stamp = signatures.header(request, "timestamp")
        signed = signatures.as_bytes(f"{stamp}\n{self._secret}")
        expected = signatures.hmac_base64(self._secret.encode(), signed)
        signatures.check(signatures.header(request, "sign"), expected)
        if (
            _MILLISECONDS.fullmatch(stamp) is None
            or abs(request.received_at * 1000 - int(stamp)) > WINDOW_MS
        ):
            raise errors.Forged

    def parse(self, request: Request) -> Received:
        """See `Channel`."""
        message = reading.json_object(request.body)
        person = reading.string(message.get("senderId"))
        webhook = reading.string(message.get("sessionWebhook"))
        if not person or not webhook:
            return Received()
        try:
            outbound.check_foreign(webhook, self._settings.reply_hosts)
        except SendError as cause:
            raise errors.BadRequest(
                "sessionWebhook is not an address of the vendor.",
                hint="Add its host to reply_hosts if it is one.",
            ) from cause
        chat = reading.string(message.get("conversationId"))
        single = reading.string(message.get("conversationType")) == SINGLE_CHAT
        msg_id = reading.string(message.get("msgId"))
        found = Inbound(
            account=reading.string(message.get("robotCode")) or self._settings.app_key,
            sender=person if single else f"{chat}:{person}",
            text=_words(message) or reading.UNREADABLE,
            dedupe_key=reading.key(msg_id) if msg_id else reading.key_of_body(request.body),
            metadata={"type": reading.string(message.get("msgtype"))},
            address={
                "webhook": webhook,
                "until_ms": reading.string(message.get("sessionWebhookExpiredTime")),
            },
        )
        return Received(messages=(found,))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and cards where there are choices."""
        return rendering.pieces(messages, text=_text, choices=_card, limit=TEXT_BYTES)

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`: to the address that came with the message, while it lasts."""
        until_ms = reading.string(address.get("until_ms"))
        if _MILLISECONDS.fullmatch(until_ms) and int(until_ms) < time.time() * 1000:
            raise SendError("the address to answer to has expired", permanent=True)
        answer = await outbound.call_foreign(
            "POST",
            reading.string(address.get("webhook")),
            hosts=self._settings.reply_hosts,
            json=dict(piece),
        )
        answer.expect_success()
        code = answer.json().get("errcode")
        if code != 0:
            told = code if isinstance(code, int) else "missing"
            wait_s = WAIT_S if code in TOO_FAST else None
            raise SendError(f"errcode {told}", permanent=code in REFUSED, retry_after_s=wait_s)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """See `Checking`: an access token shows that key and secret are right."""
        sent = {"appKey": self._settings.app_key, "appSecret": self._secret}
        url = f"{self._settings.api_url.rstrip('/')}/v1.0/oauth2/accessToken"
        answer = await checks.ask(http, "POST", url, json=sent)
        if isinstance(answer, Finding):
            return [answer]
        if answer.status == HTTPStatus.OK and reading.string(answer.json().get("accessToken")):
            return [Finding(ok=True, what="DingTalk gave an access token: key and secret match.")]
        said = reading.string(answer.json().get("code"))[:40] or f"HTTP {answer.status}"
        hint = "Copy Client ID and Client Secret again from the app's page Credentials."
        return [Finding(ok=False, what=f"DingTalk gave no access token: {said}.", hint=hint)]


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return DingTalk(name, settings)


def _words(message: Mapping[str, Any]) -> str:
    """What was typed or spoken; the text of a group message begins with a space."""
    kind = reading.string(message.get("msgtype"))
    content = reading.mapping(message.get("content"))
    if kind == "text":
        return reading.string(reading.mapping(message.get("text")).get("content")).strip()
    if kind == "richText":
        parts = map(reading.mapping, reading.items(content.get("richText")))
        words = "".join(reading.string(part.get("text")) for part in parts).strip()
        return words or reading.placeholder("image")
    spoken = reading.string(content.get("recognition")).strip()
    return spoken or reading.placeholder(PLACEHOLDERS.get(kind, kind))


def _text(words: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": words}}


def _card(message: BotMessage) -> list[dict[str, Any]]:
    """A card whose buttons make the person say the title: the vendor has nothing hidden to send.

    A title is a question that the bot answers; a payload would stand in the chat for all to see.
    """
    if len(message.buttons) > CARD_BUTTONS:
        return []
    said = "dtmd://dingtalkclient/sendMessage?content="
    buttons = [
        {"title": button.title, "actionURL": said + quote(button.title, safe="")}
        for button in message.buttons
    ]
    invitation = plain.invitation(message.text + buttons[0]["title"])
    text = _literal(message.text)
    card = {"title": invitation, "text": text, "btnOrientation": "0", "btns": buttons}
    piece = {"msgtype": "actionCard", "actionCard": card}
    return [piece] if len(text.encode()) <= TEXT_BYTES else []


def _literal(text: str) -> str:
    """`text` for a place where Markdown is read, so that it is shown as it is."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", text).replace("\n", "\n\n")
