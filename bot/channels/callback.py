"""The Rasa callback channel, and Rasa's shape of a bot message, which other channels share."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp
import pydantic
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, checks, outbound, reading, signatures
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.domain import BotMessage

SUCCESS = HttpAnswer(body=b"success")
_HINT = 'Send {"sender": "...", "message": "..."}.'


class Settings(catalogue.ChannelSettings):
    """`[channels.callback]`, with the keys of Rasa's credentials.yml and some more."""

    url: str = Field(pattern=r"^https?://", description="Where replies are posted.")
    token: SecretStr = Field(
        default=SecretStr(""), description="If set, added to `url` as ?token=, as Rasa does."
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Headers for what is posted to `url`."
    )
    user: str = Field(default="", description="Name for basic authentication at `url`.")
    password: SecretStr = Field(default=SecretStr(""), description="Password for it.")
    batch: bool = Field(
        default=False,
        description="One POST with an array, as Rasa's documents show; else one POST for each "
        "message, as Rasa does.",
    )
    incoming_token: SecretStr = Field(
        default=SecretStr(""),
        description="Callers must send it, as ?token= or as Authorization: Bearer. Rasa asks for "
        "none, so anybody could make the bot write to `url`.",
    )
    open_to_all: bool = Field(
        default=False,
        description="Callers need no `incoming_token`, as in Rasa; for a server that only your "
        "own programs reach.",
    )

    @pydantic.model_validator(mode="after")
    def _is_guarded(self) -> Settings:
        if not self.incoming_token.get_secret_value() and not self.open_to_all:
            raise ValueError("incoming_token is missing, and open_to_all is not set")
        return self


class Callback:
    """Rasa's `callback`: a message comes in, each of the bot's is posted to one URL."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._target = _with_token(settings.url, settings.token.get_secret_value())
        self._incoming_token = settings.incoming_token.get_secret_value()
        self._batch = settings.batch
        self._headers = {key: value.get_secret_value() for key, value in settings.headers.items()}
        if settings.user:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(
                settings.user, settings.password.get_secret_value(), encoding="utf-8"
            )

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        if not self._incoming_token:
            return  # open to all
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        signatures.check(request.query.get("token") or bearer, self._incoming_token)

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
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        shown = [part for message in messages for part in parts(message)]
        groups = [shown] if self._batch and shown else [[part] for part in shown]
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
        answer = await outbound.call(
            http,
            "POST",
            self._target,
            json=messages if self._batch else messages[0],
            headers={**self._headers, "Idempotency-Key": key},
        )
        if not succeeded(answer):
            raise refusal(answer)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """See `Checking`: whether somebody is there to take replies."""
        return [await checks.receiver(http, self._target)]


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Callback(name, settings)


def _with_token(url: str, token: str) -> str:
    if not token:
        return url
    joint = "&" if urllib.parse.urlsplit(url).query else "?"
    return f"{url}{joint}{urllib.parse.urlencode({'token': token})}"


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
