"""The Rasa callback channel, and Rasa's shape of a bot message, which other channels share."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot import errors
from bot.channels import calling, reading, signatures
from bot.channels.channel import Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage

SUCCESS = HttpAnswer(body=b"success")
_HINT = 'Send {"sender": "...", "message": "..."}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Rasa's `callback`: a message comes in, each of the bot's is posted to one URL."""

    url: str = field(repr=False)
    """Where replies are posted; may hold a token."""
    incoming_token: str = field(default="", repr=False)
    """If set, callers send it as `?token=` or `Authorization: Bearer`; Rasa itself has none."""
    token: str = field(default="", repr=False)
    """If set, added to `url` as `?token=`, as Rasa's endpoints do."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    batch: bool = False
    """One POST with an array, as Rasa's documents show; else one each, as Rasa's code does."""
    name: str = "callback"
    delivery: Delivery = Delivery.AT_LEAST_ONCE

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        if not self.incoming_token:
            return
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        signatures.check(request.query.get("token") or bearer, self.incoming_token)

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        data = reading.json_object(request.body)
        sender, text = reading.string(data.get("sender")), reading.string(data.get("message"))
        if not text.strip():
            raise errors.BadRequest('"message" is missing.', hint=_HINT)
        metadata = dict(reading.mapping(data.get("metadata")))
        channel = reading.string(data.get("input_channel"))
        own = reading.string(data.get("message_id"))
        # Without an id two equal messages are two messages, told apart by when they came.
        seen = f"{request.received_at!r}:{hashlib.sha256(request.body).hexdigest()}"
        message = Inbound(
            account="",
            sender=sender or "default",
            text=text,
            dedupe_key=reading.key("id", own) if own else reading.key("at", seen),
            metadata=metadata | ({"input_channel": channel} if channel else {}),
            address={"recipient_id": sender or "default"},
        )
        return Received(messages=[message], answer=SUCCESS)

    def render(
        self, messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        shown = [part for message in messages for part in parts(message)]
        groups = [shown] if self.batch and shown else [[part] for part in shown]
        return [{"messages": group} for group in groups]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`; `Idempotency-Key` is told to who wants to know it."""
        recipient = {"recipient_id": address["recipient_id"]}
        messages = [recipient | message for message in piece["messages"]]
        headers = {**self.headers, "Idempotency-Key": key}
        if self.user:
            headers["Authorization"] = aiohttp.BasicAuth(self.user, self.password).encode()
        answer = await calling.call(
            http,
            self._target(),
            vendor="The callback's receiver",
            json=messages if self.batch else messages[0],
            headers=headers,
        )
        if not answer.ok:
            raise calling.refusal(answer, vendor="The callback's receiver")

    def _target(self) -> str:
        if not self.token:
            return self.url
        joint = "&" if urllib.parse.urlsplit(self.url).query else "?"
        return f"{self.url}{joint}{urllib.parse.urlencode({'token': self.token})}"


def parts(message: BotMessage) -> Iterator[dict[str, Any]]:
    """`message` in Rasa's shape, without the recipient: one object for each kind of content."""
    text: dict[str, Any] = {"text": message.text} if message.text else {}
    if message.buttons:
        buttons = [{"title": b.title, "payload": b.payload} for b in message.buttons]
        text |= {"text": message.text, "buttons": buttons}
    if text:
        yield text
    if message.image:
        yield {"image": message.image}
    if message.attachment is not None:
        yield {"attachment": message.attachment}
    if message.custom is not None:
        yield {"custom": dict(message.custom)}
