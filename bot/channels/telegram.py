"""Telegram: updates come in by webhook, Bot API calls go out.

Telegram signs nothing; the secret of the webhook is all that proves an update. In groups the bot
answers replies to its own messages, and mentions of its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from pydantic import Field, SecretStr

from bot.channels import catalogue, checks, outbound, plain, reading, signatures, split
from bot.channels.abilities import Accept, Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.channels.telegram_webhook import Registration
from bot.domain import BotMessage, Button

TEXT = 4096  # UTF-16 units
CALLBACK_DATA = 64  # bytes
BUTTONS = 100
LABEL = 64  # characters; Telegram has no limit, phones do
KINDS = (
    "photo",
    "sticker",
    "voice",
    "audio",
    "video",
    "video_note",
    "animation",
    "document",
    "location",
    "contact",
)
_CUSTOM_METHODS = {
    f"send{kind}"
    for kind in (
        *("Message", "Photo", "Audio", "Document", "Video", "Animation", "Voice", "Sticker"),
        *("MediaGroup", "Location", "Venue", "Contact", "Poll"),
    )
}
# Said when a visitor opens the chat by the "Start" button: there are no words to answer yet.
_START = re.compile(r"/start(@\w+)?(\s.*)?", re.DOTALL)
# 403: the visitor blocked the bot. 404: there is no such token, which somebody may mend.
_ONLY = {403: True, 404: False}
_HELLO = {True: "你好", False: "Hello"}


class Settings(catalogue.ChannelSettings):
    """`[channels.telegram]`."""

    bot_token: SecretStr = Field(
        min_length=1, description="Token from @BotFather, as in 123456:ABC..."
    )
    secret: SecretStr = Field(
        min_length=16,
        max_length=256,
        description="16 to 256 of A-Z a-z 0-9 _ -, made by you; proves that Telegram calls.",
    )
    username: str = Field(
        default="", description="The bot's name without @; in groups it answers when it is named."
    )
    webhook_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="If set, Telegram is told at each start to call this address, as Rasa does; "
        "else tell it once with setWebhook.",
    )
    api_url: str = Field(
        default="https://api.telegram.org",
        description="Where the Bot API is; for a server of your own.",
    )


class Telegram:
    """One bot."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._token = settings.bot_token.get_secret_value()
        self._secret = settings.secret.get_secret_value()
        self._username = settings.username.removeprefix("@")
        self._api = settings.api_url.rstrip("/")
        self._webhook_url = settings.webhook_url

    def mount(self, app: web.Application, _accept: Accept) -> None:
        """See `Mounted.mount`: adds no route, tells Telegram where to call if that is wanted."""
        if not self._webhook_url:
            return
        wanted = {
            "url": self._webhook_url,
            "secret_token": self._secret,
            "allowed_updates": ["message", "callback_query"],
        }
        told = Registration(self._method("setWebhook"), wanted, token=self._token)
        app.cleanup_ctx.append(told.run)

    @property
    def account(self) -> str:
        """The bot's id, which is the first part of its token."""
        return self._token.partition(":")[0]

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        given = signatures.header(request, "X-Telegram-Bot-Api-Secret-Token")
        signatures.check(given, self._secret)

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        update = reading.json_object(request.body)
        key = reading.key(reading.string(update.get("update_id")))
        if key == "":
            key = reading.key_of_body(request.body)
        query = reading.mapping(update.get("callback_query"))
        if query:
            return self._pressed(query, key)
        message = reading.mapping(update.get("message"))
        return Received(messages=self._said(message, key) if message else ())

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`; `custom["telegram"]` is `{"method": "send...", ...}`."""
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
        values = {name: value for name, value in piece.items() if name != "method"}
        answer = await outbound.call(
            http, "POST", self._method(str(piece["method"])), json={**values, **address}
        )
        data = answer.json()
        if succeeded(answer) and data.get("ok") is True:
            return
        word = reading.string(data.get("description")).replace(self._token, "***")
        wait = reading.mapping(data.get("parameters")).get("retry_after")
        raise refusal(
            answer,
            word,
            permanent=_ONLY.get(answer.status),
            retry_after_s=float(wait) if isinstance(wait, int | float) else None,
        )

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask Telegram who the token is, where it calls us, and what failed lately."""
        answer = await checks.ask(http, "GET", self._method("getMe"))
        if isinstance(answer, Finding):
            return [answer]
        if answer.json().get("ok") is not True:
            hint = "Ask @BotFather for the token: /mybots, API Token."
            said = f"Telegram refuses the token: HTTP {answer.status}."
            return [Finding(ok=False, what=said, hint=hint)]
        who = reading.string(reading.mapping(answer.json().get("result")).get("username"))
        found = [Finding(ok=True, what=f"The token is that of @{who}.")]
        hook = await checks.ask(http, "GET", self._method("getWebhookInfo"))
        if isinstance(hook, Finding):
            return [*found, hook]
        info = reading.mapping(hook.json().get("result"))
        where = "with setWebhook: docs/channels/telegram.md"
        found.append(checks.same_url(reading.string(info.get("url")), webhook_url, where=where))
        problem = reading.string(info.get("last_error_message"))
        if problem:
            hint = "401: give setWebhook the same secret_token; else look at your proxy."
            said = f"Telegram's last call failed: {problem.replace(self._token, '***')}."
            found.append(Finding(ok=False, what=said, hint=hint))
        return found

    def _method(self, name: str) -> str:
        """The URL of a method; it holds the token, so no error and no log may show it."""
        return f"{self._api}/bot{self._token}/{name}"

    def _said(self, message: Mapping[str, Any], key: str) -> list[Inbound]:
        sender, chat = reading.mapping(message.get("from")), reading.mapping(message.get("chat"))
        person, place = reading.string(sender.get("id")), reading.string(chat.get("id"))
        if sender.get("is_bot") is True or not (person and place):
            return []
        text = reading.string(message.get("text")) or reading.string(message.get("caption"))
        private = chat.get("type") == "private"
        if not private and not self._called(message, text):
            return []
        kind = next((kind for kind in KINDS if message.get(kind)), "")
        if not text and not kind:  # somebody joined, a message was pinned, ...
            return []
        if self._username:
            text = re.sub(rf"@{re.escape(self._username)}\b", "", text, flags=re.IGNORECASE).strip()
        language = reading.string(sender.get("language_code"))
        title = None
        if _START.fullmatch(text):
            text, title = _HELLO[language.startswith("zh")], text
        return [
            Inbound(
                account=self.account,
                sender=place if private else f"{person}@{place}",
                text=text or reading.placeholder(kind),
                title=title,
                dedupe_key=key,
                metadata={"language_code": language} if language else {},
                address=_address(message),
            )
        ]

    def _called(self, message: Mapping[str, Any], text: str) -> bool:
        """Whether a message in a group is for the bot."""
        answered = reading.mapping(message.get("reply_to_message"))
        author = reading.string(reading.mapping(answered.get("from")).get("id"))
        named = bool(self._username) and f"@{self._username}".lower() in text.lower()
        return named or (bool(author) and author == self.account)

    def _pressed(self, query: Mapping[str, Any], key: str) -> Received:
        shown = reading.mapping(query.get("message"))
        chat = reading.mapping(shown.get("chat"))
        person = reading.string(reading.mapping(query.get("from")).get("id"))
        place, data = reading.string(chat.get("id")), reading.string(query.get("data"))
        # Told in the answer to the webhook, so that the button stops spinning at once.
        done = {
            "method": "answerCallbackQuery",
            "callback_query_id": reading.string(query.get("id")),
        }
        answer = HttpAnswer(body=orjson.dumps(done), content_type="application/json")
        if not (person and place and data):
            return Received(answer=answer)
        message = Inbound(
            account=self.account,
            sender=place if chat.get("type", "private") == "private" else f"{person}@{place}",
            text=data,
            title=_title_of(shown, data),
            dedupe_key=key,
            address=_address(shown),
        )
        return Received(messages=[message], answer=answer)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Telegram(name, settings)


def _address(message: Mapping[str, Any]) -> dict[str, Any]:
    place = reading.mapping(message.get("chat")).get("id")
    address: dict[str, Any] = {"chat_id": place}
    if message.get("is_topic_message") is True:
        address["message_thread_id"] = message.get("message_thread_id")
    return address


def _title_of(shown: Mapping[str, Any], data: str) -> str | None:
    """What stood on the button that sent `data`."""
    markup = reading.mapping(shown.get("reply_markup"))
    for row in reading.items(markup.get("inline_keyboard")):
        for button in map(reading.mapping, reading.items(row)):
            if button.get("callback_data") == data:
                return reading.string(button.get("text")) or None
    return None


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    custom = reading.mapping((message.custom or {}).get("telegram"))
    if custom.get("method") in _CUSTOM_METHODS:
        yield dict(custom)
    buttons = message.buttons[: BUTTONS + 1]
    shown = 0 < len(buttons) <= BUTTONS
    text = message.text if shown else plain.numbered(message.text, message.buttons)
    if shown and not text.strip():
        text = plain.invitation(" ".join(button.title for button in buttons))
    texts = split.split(text, TEXT, split.utf16)
    for place, part in enumerate(texts, start=1):
        piece: dict[str, Any] = {"method": "sendMessage", "text": part}
        if shown and place == len(texts):
            piece["reply_markup"] = _keyboard(buttons)
        yield piece
    if message.image:
        yield _picture(message.image)
    for part in split.split(plain.attachment_text(message.attachment), TEXT, split.utf16):
        yield {"method": "sendMessage", "text": part}


def _keyboard(buttons: Sequence[Button]) -> dict[str, Any]:
    """Buttons below the message; where a payload is too long for them, a keyboard of titles."""
    titles = [split.shorten(b.title, LABEL) or str(n) for n, b in enumerate(buttons, start=1)]
    if all(0 < len(button.payload.encode()) <= CALLBACK_DATA for button in buttons):
        rows = [
            [{"text": title, "callback_data": button.payload}]
            for title, button in zip(titles, buttons, strict=True)
        ]
        return {"inline_keyboard": rows}
    return {  # the title comes back as the visitor's words, so it stays whole
        "keyboard": [
            [{"text": " ".join(b.title.split()) or str(n)}] for n, b in enumerate(buttons, 1)
        ],
        "one_time_keyboard": True,
        "resize_keyboard": True,
    }


def _picture(url: str) -> dict[str, Any]:
    if url.startswith(("https://", "http://")):
        return {"method": "sendPhoto", "photo": url}
    return {"method": "sendMessage", "text": split.split(url, TEXT, split.utf16)[0]}
