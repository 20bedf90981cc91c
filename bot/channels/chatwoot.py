"""Chatwoot agent bot: speaks while a conversation is pending, and opens it for a person.

Chatwoot waits five seconds for the answer to its webhook and never repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, outbound, reading, rendering, signatures, split
from bot.channels.abilities import Finding
from bot.channels.channel import (
    Channel,
    Delivery,
    Inbound,
    Received,
    Request,
    SendError,
)
from bot.domain import BotMessage

TEXT_CHARS = 10_000  # Chatwoot takes 150,000
CHOICES = 20
PENDING = "pending"


class Settings(catalogue.ChannelSettings):
    """`[channels.chatwoot]`."""

    url: str = Field(description="Where Chatwoot is, as in https://app.chatwoot.com.")
    bot_token: SecretStr = Field(description="Access token of the agent bot.")
    secret: SecretStr = Field(description="Secret that signs the webhook, shown with the bot.")
    second_secret: SecretStr | None = Field(
        default=None,
        description="Accepted too: while it is changed, or where a server signs with another "
        "secret than it shows.",
    )


class Chatwoot:
    """One agent bot of one Chatwoot server."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._base = settings.url.rstrip("/")
        self._bot_token = settings.bot_token.get_secret_value()
        second = settings.second_secret
        self._secrets = [settings.secret.get_secret_value()]
        self._secrets += [second.get_secret_value()] if second is not None else []
        if not all(self._secrets):
            raise errors.ConfigError(
                f"[channels.{name}] A secret is empty.", hint="Copy it from the bot's page."
            )

    def verify(self, request: Request) -> None:
        """See `Channel`."""
        given = signatures.header(request, "X-Chatwoot-Signature")
        stamp = signatures.header(request, "X-Chatwoot-Timestamp")
        signed = signatures.as_bytes(stamp) + b"." + request.body
        expected = ["sha256=" + signatures.hmac_hex(s.encode(), signed) for s in self._secrets]
        # Both are compared, whichever fits: no short cut to be timed.
        if not any([signatures.same(given, one) for one in expected]):
            raise errors.Forged
        signatures.check_fresh(stamp, request.received_at)

    def parse(self, request: Request) -> Received:
        """See `Channel`: only what a customer says while the bot has the conversation."""
        event = reading.json_object(request.body)
        conversation = reading.mapping(event.get("conversation"))
        account = reading.string(reading.mapping(event.get("account")).get("id"))
        number = reading.string(conversation.get("id"))
        said = _said(event)
        if said is None or conversation.get("status") != PENDING or not account or not number:
            return Received()
        text, title = said
        message_id = reading.string(event.get("id"))
        # Not X-Chatwoot-Delivery: a bot and a webhook of the account tell one message twice, and
        # a message is updated for many reasons.
        unique = f"{message_id}:{text}" if title is not None else message_id
        found = Inbound(
            account=account,
            sender=number,
            text=text,
            title=title,
            dedupe_key=reading.key(unique) if message_id else reading.key_of_body(request.body),
            metadata={"inbox": reading.string(conversation.get("inbox_id"))},
            address={"account": account, "conversation": number},
        )
        return Received(messages=(found,))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and selections where there are choices."""
        return rendering.pieces(
            messages, text=_text, choices=_select, limit=TEXT_CHARS, unit=split.characters
        )

    def handover(self, address: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Opens the conversation: Chatwoot's people see it, the bot is silent from then on."""
        return [{"status": "open"}]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`."""
        account = reading.string(address.get("account"))
        number = reading.string(address.get("conversation"))
        if not account.isdigit() or not number.isdigit():
            raise SendError("the conversation to answer in has no number", permanent=True)
        place = f"{self._base}/api/v1/accounts/{account}/conversations/{number}"
        call = "toggle_status" if "status" in piece else "messages"
        headers = {"api_access_token": self._bot_token}
        answer = await outbound.call(
            http, "POST", f"{place}/{call}", json=dict(piece), headers=headers
        )
        answer.expect_success()

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Whether a Chatwoot answers at `url`; it does not tell bots who they are."""
        try:
            answer = await outbound.call(http, "GET", f"{self._base}/api")
            answer.expect_success()
        except SendError as problem:
            return [Finding(ok=False, what=f"Chatwoot: {problem}", hint="Check `url`.")]
        version = reading.string(answer.json().get("version"))
        if not version:
            hint = "Check `url`: another program answers there."
            return [Finding(ok=False, what="No Chatwoot answers at this address.", hint=hint)]
        return [Finding(ok=True, what=f"Chatwoot {version[:20]} answers.")]


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Chatwoot(name, settings)


def _said(event: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Text and title of what a customer said or chose; None for all else, our own words too."""
    if event.get("private") is True:
        return None
    if event.get("event") == "message_updated":
        given = reading.mapping(event.get("content_attributes")).get("submitted_values")
        chosen = reading.mapping(next(iter(reading.items(given)), None))
        value = reading.string(chosen.get("value"))
        return (value, reading.string(chosen.get("title"))) if value else None
    if event.get("event") != "message_created" or event.get("message_type") != "incoming":
        return None
    words = reading.string(event.get("content"))
    first = reading.mapping(next(iter(reading.items(event.get("attachments"))), None))
    return words or reading.placeholder(reading.string(first.get("file_type"))), None


def _text(words: str) -> dict[str, Any]:
    return {"content": words, "message_type": "outgoing", "private": False}


def _select(message: BotMessage) -> list[dict[str, Any]]:
    if len(message.buttons) > CHOICES or len(message.text) > TEXT_CHARS:
        return []
    choices = [{"title": button.title, "value": button.payload} for button in message.buttons]
    selection = {"content_type": "input_select", "content_attributes": {"items": choices}}
    return [_text(message.text) | selection]
