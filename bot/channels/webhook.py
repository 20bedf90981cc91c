"""The generic signed webhook: any system of yours, after Standard Webhooks, in both directions.

In: `{"type": "message", "data": {"sender", "text", "title"?, "account"?, "metadata"?}}`.
Out, one POST for each message of the bot: `{"type": "reply", "timestamp", "data": {"recipient_id",
"text"?, "buttons"?, "image"?, "attachment"?, "custom"?}}`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import callback, catalogue, checks, outbound, reading
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.channels.standard import Keys
from bot.domain import BotMessage

TIMEOUT_S = 20.0  # as the specification advises
_HINT = 'Send {"type": "message", "data": {"sender": "...", "text": "..."}}.'


class Settings(catalogue.ChannelSettings):
    """`[channels.webhook]`."""

    url: str = Field(
        pattern=r"^https?://", description="Where replies are posted, signed with `secrets`."
    )
    secrets: tuple[SecretStr, ...] = Field(
        min_length=1,
        description="whsec_ and the base64 of 24 to 64 bytes, newest first; two while one replaces "
        "the other. They prove what comes in and sign what goes out.",
    )


class Webhook:
    """A system that signs what it sends and proves what it gets."""

    delivery = Delivery.EXACTLY_ONCE  # the receiver knows a repetition by its webhook-id

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._url = settings.url
        self._keys = Keys.of([secret.get_secret_value() for secret in settings.secrets])

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        self._keys.verify(request)

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        event = reading.json_object(request.body)
        if event.get("type") != "message":
            return Received()
        data = reading.mapping(event.get("data"))
        sender, text = reading.string(data.get("sender")), reading.string(data.get("text"))
        if not (sender and text.strip()):
            raise errors.BadRequest('"sender" or "text" is missing in "data".', hint=_HINT)
        message = Inbound(
            account=reading.string(data.get("account")),
            sender=sender,
            text=text,
            title=reading.string(data.get("title")) or None,
            dedupe_key=reading.key(reading.clean(request.headers.get("webhook-id", ""))),
            metadata=dict(reading.mapping(data.get("metadata"))),
            address={"recipient_id": sender},
        )
        return Received(messages=[message], answer=HttpAnswer(status=202))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        return [part for message in messages for part in callback.parts(message)]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`."""
        now = time.time()
        event = {
            "type": "reply",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": {"recipient_id": address["recipient_id"], **piece},
        }
        body = orjson.dumps(event)
        message_id = "msg_" + reading.key_of_body(key.encode()).removeprefix("body:")[:32]
        headers = self._keys.sign(message_id, now, body) | {"Content-Type": "application/json"}
        answer = await outbound.call(
            http, "POST", self._url, data=body, headers=headers, timeout_s=TIMEOUT_S
        )
        if not succeeded(answer):
            # 410 is the receiver's way to say never again; all else may pass, as when the receiver
            # is being replaced by a new version.
            raise refusal(answer, permanent=answer.status == 410)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """See `Checking`: whether somebody is there to take replies."""
        return [await checks.receiver(http, self._url)]


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Webhook(name, settings)
