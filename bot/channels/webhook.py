"""The generic signed webhook: any system of yours, after Standard Webhooks, in both directions.

In: `{"type": "message", "data": {"sender", "text", "title"?, "account"?, "metadata"?}}`.
Out, one POST for each message of the bot: `{"type": "reply", "timestamp", "data": {"recipient_id",
"text"?, "buttons"?, "image"?, "attachment"?, "custom"?}}`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from bot import errors
from bot.channels import calling, rasa, reading
from bot.channels.channel import Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.standard import Keys
from bot.domain import BotMessage

TIMEOUT_S = 20.0  # as the specification advises
_HINT = 'Send {"type": "message", "data": {"sender": "...", "text": "..."}}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A system that signs what it sends and proves what it gets."""

    keys: Keys
    """Of what comes in and of what goes out."""
    url: str
    """Where replies are sent."""
    name: str = "webhook"
    delivery: Delivery = Delivery.EXACTLY_ONCE

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        self.keys.verify(request)

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
        self, messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        return [part for message in messages for part in rasa.parts(message)]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`; the receiver knows a repetition by its `webhook-id`."""
        now = time.time()
        event = {
            "type": "reply",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": {"recipient_id": address["recipient_id"], **piece},
        }
        body = orjson.dumps(event)
        message_id = "msg_" + reading.key_of_body(key.encode()).removeprefix("body:")[:32]
        headers = self.keys.sign(message_id, now, body) | {"Content-Type": calling.JSON}
        answer = await calling.call(
            http,
            self.url,
            vendor="The webhook's receiver",
            body=body,
            headers=headers,
            timeout_s=TIMEOUT_S,
        )
        if not answer.ok:
            # 410 is the receiver's way to say never again; all else may pass, as when it is being
            # replaced by a new version.
            gone = answer.status == 410
            raise calling.refusal(answer, vendor="The webhook's receiver", permanent=gone)
