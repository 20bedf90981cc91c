"""LINE: events come in, a reply goes out by its token while that is fresh, else as a push.

A reply costs nothing but has no idempotency key; a push counts against the plan's quota and has
one (`X-Line-Retry-Key`). In groups the bot answers when it is mentioned.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot.channels import catalogue, checks, outbound, plain, reading, signatures, split
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request, SendError
from bot.channels.outbound import Answer
from bot.channels.refusal import refusal, succeeded
from bot.domain import BotMessage, Button

TEXT = 5000  # UTF-16 units
MESSAGES = 5  # of one call
QUICK_REPLIES, LABEL, DATA = 13, 20, 300  # items; characters of each
IMAGE_URL = 2000
TOKEN_S = 50.0  # a reply token works for about a minute
_RETRY_KEYS = uuid.UUID("0c6f1d3e-6d0f-5a8e-9f0a-2f4be0a6a1d7")  # a namespace of our own


class Settings(catalogue.ChannelSettings):
    """`[channels.line]`."""

    channel_secret: SecretStr = Field(
        min_length=1, description="Channel secret, under Basic settings."
    )
    access_token: SecretStr = Field(
        min_length=1, description="Channel access token (long-lived), under Messaging API."
    )
    use_reply_token: bool = Field(
        default=True,
        description="Answer by the reply token, which is free; false: every answer is a push, "
        "which is exactly once and counts against the plan's quota.",
    )
    api_url: str = Field(
        default="https://api.line.me", description="Where LINE's API is; for a proxy."
    )


class Line:
    """One Messaging API channel."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._secret = settings.channel_secret.get_secret_value().encode()
        self._token = settings.access_token.get_secret_value()
        self._use_reply_token = settings.use_reply_token
        self._api = settings.api_url.rstrip("/")
        self.delivery = (  # only a push takes a key
            Delivery.AT_LEAST_ONCE if settings.use_reply_token else Delivery.EXACTLY_ONCE
        )

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        given = signatures.header(request, "X-Line-Signature")
        right = signatures.hmac_base64(self._secret, request.body)
        signatures.check(given, right)

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        data = reading.json_object(request.body)
        account = reading.string(data.get("destination"))
        events = map(reading.mapping, reading.items(data.get("events")))
        return Received(messages=[said for event in events for said in _said(event, account)])

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["line"]` is one of LINE's message objects."""
        shown = [part for message in messages for part in _rendered(message)]
        starts = range(0, len(shown), MESSAGES)
        # The reply token works once, so only the first call may use it.
        return [
            {"messages": shown[start : start + MESSAGES], "first": start == 0} for start in starts
        ]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`."""
        token = address.get("reply_token", "")
        fresh = time.time() < address.get("reply_until", 0.0)
        if self._use_reply_token and token and fresh and piece["first"]:
            body = {"replyToken": token, "messages": piece["messages"]}
            answer = await self._call(http, "reply", body)
            if succeeded(answer):
                return
            if answer.status != 400:
                raise _refusal(answer)
            # The token was used or is too old; if the messages are wrong, the push says so.
        body = {"to": address["to"], "messages": piece["messages"]}
        retry_key = str(uuid.uuid5(_RETRY_KEYS, key))
        answer = await self._call(http, "push", body, {"X-Line-Retry-Key": retry_key})
        if not succeeded(answer) and answer.status != 409:  # 409: this key was accepted before
            raise _refusal(answer)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask LINE who the token is, and where it calls us."""
        answer = await checks.ask(http, "GET", f"{self._api}/v2/bot/info", self._authorized())
        if isinstance(answer, Finding):
            return [answer]
        if not (succeeded(answer) and answer.json()):
            hint = "Issue a long-lived channel access token under Messaging API."
            said = f"LINE refuses the token: HTTP {answer.status}."
            return [Finding(ok=False, what=said, hint=hint)]
        who = reading.string(answer.json().get("displayName"))
        found = [Finding(ok=True, what=f"The token is that of {who}.")]
        place = f"{self._api}/v2/bot/channel/webhook/endpoint"
        hook = await checks.ask(http, "GET", place, self._authorized())
        if isinstance(hook, Finding):
            return [*found, hook]
        data, where = hook.json(), "in the LINE Developers Console under Messaging API"
        found.append(
            checks.same_url(reading.string(data.get("endpoint")), webhook_url, where=where)
        )
        if data.get("active") is not True:
            hint = "Switch on 'Use webhook' there."
            found.append(Finding(ok=False, what="LINE's webhook is off.", hint=hint))
        return found

    async def _call(
        self,
        http: aiohttp.ClientSession,
        kind: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        url = f"{self._api}/v2/bot/message/{kind}"
        sent = {**self._authorized(), **(headers or {})}
        return await outbound.call(http, "POST", url, json=body, headers=sent)

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Line(name, settings)


def _refusal(answer: Answer) -> SendError:
    word = reading.string(answer.json().get("message"))
    # The month's quota is used up: no waiting of a few minutes helps.
    return refusal(answer, word, permanent=True if "monthly limit" in word else None)


def _said(event: Mapping[str, Any], account: str) -> Iterator[Inbound]:
    source = reading.mapping(event.get("source"))
    person = reading.string(source.get("userId"))
    place = reading.string(source.get("groupId")) or reading.string(source.get("roomId"))
    text = _words(event, in_group=bool(place))
    if event.get("mode") != "active" or not (person and text):
        return
    message, stamp = reading.mapping(event.get("message")), event.get("timestamp")
    own = reading.string(event.get("webhookEventId")) or reading.string(message.get("id"))
    address: dict[str, Any] = {"to": place or person}
    token = reading.string(event.get("replyToken"))
    if token and isinstance(stamp, int):
        address |= {"reply_token": token, "reply_until": stamp / 1000 + TOKEN_S}
    yield Inbound(
        account=account,
        sender=f"{person}@{place}" if place else person,
        text=text,
        dedupe_key=reading.key(own) if own else reading.key(person, reading.string(stamp), text),
        address=address,
    )


def _words(event: Mapping[str, Any], *, in_group: bool) -> str:
    if event.get("type") == "postback":
        return reading.string(reading.mapping(event.get("postback")).get("data"))
    if event.get("type") != "message":
        return ""
    message = reading.mapping(event.get("message"))
    kind, text = reading.string(message.get("type")), reading.string(message.get("text"))
    named = _mentions_of_the_bot(message)
    if in_group and not named:
        return ""
    for mention in reversed(named):
        text = _without(text, mention)
    return text.strip() if kind == "text" else reading.placeholder(kind)


def _mentions_of_the_bot(message: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where the bot is called by name: index and length in UTF-16 units, ascending."""
    mentioned = reading.items(reading.mapping(message.get("mention")).get("mentionees"))
    places = [
        (mention["index"], mention["length"])
        for mention in map(reading.mapping, mentioned)
        if mention.get("isSelf") is True
        and type(mention.get("index")) is int
        and type(mention.get("length")) is int
    ]
    return sorted(place for place in places if min(place) >= 0)


def _without(text: str, place: tuple[int, int]) -> str:
    units = text.encode("utf-16-le")
    start, end = 2 * place[0], 2 * (place[0] + place[1])
    return (units[:start] + units[end:]).decode("utf-16-le", "replace")


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("line"))
    if custom.get("type"):
        yield dict(custom)
    buttons = message.buttons if _few(message.buttons) else ()
    if buttons:
        text, labels = plain.captions(message.text, buttons, LABEL)
        text = (
            text if text.strip() else plain.invitation(" ".join(button.title for button in buttons))
        )
    else:
        text, labels = plain.numbered(message.text, message.buttons), []
    texts = split.split(text, TEXT, split.utf16)
    for place, part in enumerate(texts, start=1):
        shown: dict[str, Any] = {"type": "text", "text": part}
        if buttons and place == len(texts):
            shown["quickReply"] = {"items": _items(labels, buttons)}
        yield shown
    rest = plain.attachment_text(message.attachment)
    if message.image.startswith("https://") and len(message.image) <= IMAGE_URL:
        yield {
            "type": "image",
            "originalContentUrl": message.image,
            "previewImageUrl": message.image,
        }
    else:
        rest = "\n\n".join(filter(None, [message.image, rest]))
    for part in split.split(rest, TEXT, split.utf16):
        yield {"type": "text", "text": part}


def _items(labels: list[str], buttons: Sequence[Button]) -> list[dict[str, Any]]:
    return [
        {
            "type": "action",
            "action": {
                "type": "postback",
                "label": label,
                "data": button.payload,
                "displayText": split.shorten(button.title, DATA) or label,
            },
        }
        for label, button in zip(labels, buttons, strict=True)
    ]


def _few(buttons: Sequence[Button]) -> bool:
    return 0 < len(buttons) <= QUICK_REPLIES and all(0 < len(b.payload) <= DATA for b in buttons)
