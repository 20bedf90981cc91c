"""Slack: the Events API and buttons come in, chat.postMessage goes out.

The bot answers direct messages, and mentions in channels; there it answers in the thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot.channels import catalogue, checks, outbound, plain, reading, signatures, split
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.domain import BotMessage, Button

TEXT = 3000  # characters of a section or a message that is shown whole
BUTTONS, LABEL, VALUE = 25, 75, 2000  # elements of one block, characters of each
IMAGE_URL = 3000
# Subtypes that are still a message of a person; all others are edits, joins, bots and so on.
_OF_PEOPLE = {"", "file_share", "thread_broadcast", "me_message"}
_TEMPORARY = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
    # Somebody may mend these; the reply then still goes out.
    "invalid_auth",
    "not_authed",
    "token_expired",
    "token_revoked",
    "missing_scope",
}
_CUSTOM = {"text", "blocks", "attachments", "mrkdwn", "unfurl_links", "unfurl_media"}
_TOKEN = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Settings(catalogue.ChannelSettings):
    """`[channels.slack]`."""

    signing_secret: SecretStr = Field(
        min_length=1, description="Signing Secret, under Basic Information."
    )
    bot_token: SecretStr = Field(
        min_length=1, description="Bot User OAuth Token, xoxb-..., under OAuth & Permissions."
    )
    api_url: str = Field(
        default="https://slack.com/api", description="Where Slack's API is; for a proxy."
    )


class Slack:
    """A Slack app in one workspace."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._signing_secret = settings.signing_secret.get_secret_value().encode()
        self._token = settings.bot_token.get_secret_value()
        self._api = settings.api_url.rstrip("/")

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        stamp = signatures.header(request, "X-Slack-Request-Timestamp")
        given = signatures.header(request, "X-Slack-Signature")
        signatures.check_fresh(stamp, request.received_at)
        content = b"v0:" + stamp.encode() + b":" + request.body
        signatures.check(given, "v0=" + signatures.hmac_hex(self._signing_secret, content))

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        if "urlencoded" in request.headers.get("Content-Type", ""):
            payload = reading.form(request.body).get("payload", "")
            return Received(messages=_pressed(payload) if payload else ())
        data = reading.json_object(request.body)
        if data.get("type") == "url_verification":
            challenge = reading.string(data.get("challenge"))
            return Received(answer=HttpAnswer(body=challenge.encode()))
        if data.get("type") != "event_callback":
            return Received()
        return Received(messages=_said(data))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["slack"]` is sent as it is, blocks and all."""
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
        answer = await outbound.call(
            http,
            "POST",
            f"{self._api}/chat.postMessage",
            json={**piece, **address},
            headers=self._authorized(),
        )
        data = answer.json()
        if succeeded(answer) and data.get("ok") is True:
            return
        problem = reading.string(data.get("error"))
        # A failure in a 200 is for ever unless its name says that it passes.
        permanent = problem not in _TEMPORARY if succeeded(answer) and problem else None
        raise refusal(answer, problem, permanent=permanent)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask Slack who the token is; where it calls us it tells nobody."""
        answer = await checks.ask(http, "POST", f"{self._api}/auth.test", self._authorized())
        if isinstance(answer, Finding):
            return [answer]
        data = answer.json()
        if data.get("ok") is True:
            who = f"{reading.string(data.get('user'))} in {reading.string(data.get('team'))}"
            return [Finding(ok=True, what=f"The token is that of {who}.")]
        problem = reading.string(data.get("error")) or f"HTTP {answer.status}"
        hint = "Copy bot_token from OAuth & Permissions; install the app in the workspace first."
        return [Finding(ok=False, what=f"Slack refuses the token: {problem}.", hint=hint)]

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Slack(name, settings)


def _said(data: Mapping[str, Any]) -> list[Inbound]:
    event = reading.mapping(data.get("event"))
    kind, direct = event.get("type"), event.get("channel_type") == "im"
    user, channel = reading.string(event.get("user")), reading.string(event.get("channel"))
    subtype = reading.string(event.get("subtype"))
    wanted = (kind == "message" and direct) or kind == "app_mention"
    if not wanted or event.get("bot_id") or subtype not in _OF_PEOPLE or not (user and channel):
        return []
    thread = reading.string(event.get("thread_ts"))
    if not direct:
        thread = thread or reading.string(event.get("ts"))
    text = _plain(reading.string(event.get("text")), mention=kind == "app_mention")
    files = [f for f in reading.items(event.get("files")) if isinstance(f, dict)]
    if not text and not files:
        return []
    event_id = reading.string(data.get("event_id"))
    own = reading.key("message", channel, reading.string(event.get("ts")))
    return [
        Inbound(
            account=reading.string(data.get("team_id")),
            sender=user if direct else f"{user}@{channel}",
            text=text or reading.placeholder("file"),
            dedupe_key=reading.key(event_id) if event_id else own,
            metadata={"files": [reading.string(f.get("id")) for f in files]} if files else {},
            address=_address(channel, thread),
        )
    ]


def _pressed(payload: str) -> list[Inbound]:
    """The message that a pressed button or a chosen option is."""
    data = reading.json_object(payload.encode("utf-8", "replace"))
    actions = [a for a in reading.items(data.get("actions")) if isinstance(a, dict)]
    user = reading.string(reading.mapping(data.get("user")).get("id"))
    channel = reading.mapping(data.get("channel"))
    place = reading.string(channel.get("id"))
    if data.get("type") != "block_actions" or not (actions and user and place):
        return []
    direct = place.startswith("D")
    shown = reading.mapping(data.get("message"))
    thread = reading.string(shown.get("thread_ts"))
    return [
        Inbound(
            account=reading.string(reading.mapping(data.get("team")).get("id")),
            sender=user if direct else f"{user}@{place}",
            text=value,
            title=title or None,
            dedupe_key=reading.key(
                "action",
                user,
                reading.string(action.get("action_id")),
                reading.string(action.get("action_ts")) or reading.string(data.get("trigger_id")),
            ),
            address=_address(place, thread),
        )
        for action in actions
        for value, title in [_chosen(action)]
        if value
    ]


def _chosen(action: Mapping[str, Any]) -> tuple[str, str]:
    option = reading.mapping(action.get("selected_option"))
    words = reading.mapping(option.get("text") or action.get("text"))
    value = reading.string(action.get("value")) or reading.string(option.get("value"))
    return value, reading.string(words.get("text"))


def _address(channel: str, thread: str) -> dict[str, Any]:
    return {"channel": channel} | ({"thread_ts": thread} if thread else {})


def _plain(text: str, *, mention: bool) -> str:
    """`text` as the visitor typed it: Slack's links and entities undone."""
    if mention:  # the bot's own name, which called it
        text = re.sub(r"<@[^<>]*>", "", text, count=1)
    text = _TOKEN.sub(lambda m: m[2] or m[1], text)
    for char, entity in reversed(_ENTITIES.items()):
        text = text.replace(entity, char)
    return text.strip()


def _escaped(text: str) -> str:
    """`text` so that Slack reads no mention or link in it."""
    for char, entity in _ENTITIES.items():
        text = text.replace(char, entity)
    return text


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("slack"))
    if custom:
        yield {name: value for name, value in custom.items() if name in _CUSTOM}
    buttons = message.buttons if _fit(message.buttons) else ()
    text = message.text if buttons else plain.numbered(message.text, message.buttons)
    if buttons and not text:
        text = plain.invitation(" ".join(button.title for button in buttons))
    texts = split.split(text, TEXT, _length_escaped)
    for place, part in enumerate(texts, start=1):
        piece: dict[str, Any] = {"text": _escaped(part), "mrkdwn": False, "unfurl_links": False}
        if buttons and place == len(texts):
            section = {"type": "section", "text": {"type": "plain_text", "text": part}}
            piece["blocks"] = [section, _actions(buttons)]
        yield piece
    yield from _picture(message.image)
    for part in split.split(plain.attachment_text(message.attachment), TEXT, _length_escaped):
        yield {"text": _escaped(part), "mrkdwn": False}


def _length_escaped(text: str) -> int:
    return len(_escaped(text))


def _fit(buttons: Sequence[Button]) -> bool:
    return 0 < len(buttons) <= BUTTONS and all(len(button.payload) <= VALUE for button in buttons)


def _actions(buttons: Sequence[Button]) -> dict[str, Any]:
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": f"choice_{place}",
                "text": {
                    "type": "plain_text",
                    "text": split.shorten(button.title, LABEL) or str(place),
                },
                "value": button.payload,
            }
            for place, button in enumerate(buttons, start=1)
        ],
    }


def _picture(url: str) -> Iterator[dict[str, Any]]:
    if not url:
        return
    if url.startswith("https://") and len(url) <= IMAGE_URL:
        block = {"type": "image", "image_url": url, "alt_text": reading.placeholder("image")}
        yield {"text": _escaped(url), "blocks": [block]}
        return
    for part in split.split(url, TEXT, _length_escaped):
        yield {"text": _escaped(part), "mrkdwn": False}
