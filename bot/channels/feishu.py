"""Feishu and Lark: encrypted events come in, replies to the message go out, choices as cards.

Only with an Encrypt Key: without one the vendor signs nothing, and a leaked token forges all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, outbound, reading, rendering, signatures
from bot.channels.abilities import Finding
from bot.channels.access_token import AccessToken
from bot.channels.channel import (
    Channel,
    Delivery,
    HttpAnswer,
    Inbound,
    Received,
    Request,
    SendError,
)
from bot.domain import BotMessage

TEXT_BYTES = 30_000  # the vendor takes 150 kB; nobody reads that
CARD_BYTES = 28_000  # of 30 kB
CARD_BUTTONS = 20
# The last of the vendor's repeats comes after 7.1 hours. Whether it is stamped anew is not
# documented; what is repeated within 8 days is known by its event id (docs/decisions/0038).
WINDOW_S = 8 * 3600
EXPIRED = frozenset({99991661, 99991663, 99991668, 99991677})
# The message was withdrawn or deleted, the bot left the chat, too long, not allowed to write.
REFUSED = frozenset({230002, 230011, 230013, 230017, 230018, 230025, 230050, 230054, 231003})
LIMITED = frozenset({99991400, 230020, 11232, 11233})
PLACEHOLDERS = {"media": "video"}
_OK = HttpAnswer(body=b"{}", content_type="application/json")
_BLOCK = 16


class Settings(catalogue.ChannelSettings):
    """`[channels.feishu]`."""

    app_id: str = Field(description="App ID, cli_...")
    app_secret: SecretStr = Field(description="App Secret; fetches access tokens.")
    encrypt_key: SecretStr = Field(description="Encrypt Key, as chosen at 'Encryption strategy'.")
    verification_token: SecretStr = Field(description="Verification Token, from the same page.")
    api_url: str = Field(
        default="https://open.feishu.cn",
        description="https://open.larksuite.com for Lark, outside of China.",
    )


class Feishu:
    """One app."""

    delivery = Delivery.EXACTLY_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._base = settings.api_url.rstrip("/")
        self._encrypt_key = settings.encrypt_key.get_secret_value()
        self._verification = settings.verification_token.get_secret_value()
        if not self._encrypt_key or not self._verification:
            raise errors.ConfigError(
                f"[channels.{name}] Encrypt Key or Verification Token is empty.",
                hint="Set both at 'Events & callbacks', 'Encryption strategy'.",
            )
        self._token = AccessToken(self._fetch_token)

    def verify(self, request: Request) -> None:
        """See `Channel`: the URL check bears no signature, only the Verification Token."""
        try:
            event = self._opened(request.body)
        except errors.BadRequest:
            raise errors.Forged from None
        token = _token_of(event)
        is_check = event.get("type") == "url_verification" and not event.get("schema")
        if token is not None or is_check:
            signatures.check(reading.string(token), self._verification)
        if is_check:
            return
        stamp = signatures.header(request, "X-Lark-Request-Timestamp")
        nonce = request.headers.get("X-Lark-Request-Nonce", "")
        signed = signatures.as_bytes(stamp + nonce + self._encrypt_key) + request.body
        given = signatures.header(request, "X-Lark-Signature")
        signatures.check(given, signatures.sha256_hex(signed))
        signatures.check_fresh(stamp, request.received_at, window_s=WINDOW_S)

    def parse(self, request: Request) -> Received:
        """See `Channel`."""
        event = self._opened(request.body)
        if event.get("type") == "url_verification":
            challenge = orjson.dumps({"challenge": reading.string(event.get("challenge"))})
            return Received(answer=HttpAnswer(body=challenge, content_type="application/json"))
        header, body = reading.mapping(event.get("header")), reading.mapping(event.get("event"))
        kind = header.get("event_type")
        if kind == "im.message.receive_v1":
            found = _message(header, body)
        elif kind == "card.action.trigger":
            found = _pressed(header, body)
        else:
            found = None
        return Received(messages=() if found is None else (found,), answer=_OK)

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and cards with buttons where there are choices."""
        chat = reading.string(address.get("chat"))
        return rendering.pieces(
            messages, text=_text, choices=lambda asked: _card(asked, chat), limit=TEXT_BYTES
        )

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`: a reply to the message; `uuid` makes a repeat harmless for an hour."""
        message_id = reading.string(address.get("message_id"))
        if not message_id.replace("_", "").isalnum():
            raise SendError("the message to reply to has no id", permanent=True)
        url = f"{self._base}/open-apis/im/v1/messages/{message_id}/reply"
        body = {**piece, "uuid": hashlib.sha256(key.encode()).hexdigest()[:40]}
        token = await self._token.get(http)
        answer = await self._post(http, url, body, token)
        if answer.json().get("code") in EXPIRED:
            self._token.refused(token)
            answer = await self._post(http, url, body, await self._token.get(http))
        _judge(answer)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Fetch an access token; the URL is checked by the vendor when it is saved there."""
        try:
            await self._token.get(http)
        except SendError as problem:
            hint = "Compare App ID and App Secret; Lark needs its own api_url."
            return [Finding(ok=False, what=f"No access token: {problem}", hint=hint)]
        return [Finding(ok=True, what="Feishu gave an access token: id and secret are right.")]

    def _opened(self, body: bytes) -> dict[str, Any]:
        """The event in `body`.

        Raises:
            errors.BadRequest: it is no JSON, or sealed with another key.
        """
        outer = reading.json_object(body)
        sealed = outer.get("encrypt")
        if not sealed:
            return outer
        try:
            plain = decrypted(reading.string(sealed), self._encrypt_key)
        except ValueError as cause:
            raise errors.BadRequest(
                "The event cannot be decrypted.", hint="Compare the Encrypt Key."
            ) from cause
        return reading.json_object(plain)

    async def _post(
        self, http: aiohttp.ClientSession, url: str, body: Mapping[str, Any], token: str
    ) -> outbound.Answer:
        headers = {"Authorization": f"Bearer {token}"}
        return await outbound.call(http, "POST", url, json=body, headers=headers)

    async def _fetch_token(self, http: aiohttp.ClientSession) -> tuple[str, float]:
        secret = self._settings.app_secret.get_secret_value()
        answer = await outbound.call(
            http,
            "POST",
            f"{self._base}/open-apis/auth/v3/tenant_access_token/internal",
            json={"app_id": self._settings.app_id, "app_secret": secret},
        )
        answer.expect_success()
        found = answer.json()
        token, life_s = found.get("tenant_access_token"), found.get("expire")
        if found.get("code") != 0 or not isinstance(token, str) or not isinstance(life_s, int):
            raise SendError(f"code {_code(found)} for a token")
        return token, float(life_s)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Feishu(name, settings)


def decrypted(sealed: str, encrypt_key: str) -> bytes:
    """The bytes that `sealed` holds: base64 of a random block, then AES-256-CBC.

    Raises:
        ValueError: it was not sealed with this key.
    """
    raw = base64.b64decode(signatures.as_bytes(sealed))
    aes = algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest())
    opening = Cipher(aes, modes.CBC(raw[:_BLOCK])).decryptor()
    unpadding = PKCS7(_BLOCK * 8).unpadder()
    padded = opening.update(raw[_BLOCK:]) + opening.finalize()
    return unpadding.update(padded) + unpadding.finalize()


def _token_of(event: Mapping[str, Any]) -> object:
    place = reading.mapping(event.get("header")) if event.get("schema") else event
    return place.get("token")


def _message(header: Mapping[str, Any], event: Mapping[str, Any]) -> Inbound | None:
    message = reading.mapping(event.get("message"))
    who = reading.mapping(event.get("sender"))
    person = reading.string(reading.mapping(who.get("sender_id")).get("open_id"))
    message_id = reading.string(message.get("message_id"))
    if who.get("sender_type", "user") != "user" or not person or not message_id:
        return None
    kind = reading.string(message.get("message_type"))
    chat = "" if message.get("chat_type") == "p2p" else reading.string(message.get("chat_id"))
    return Inbound(
        account=reading.string(header.get("app_id")),
        sender=f"{chat}:{person}" if chat else person,
        text=_words(kind, message) or reading.UNREADABLE,
        dedupe_key=reading.key(reading.string(header.get("event_id")) or message_id),
        metadata={"type": kind},
        address={"message_id": message_id, "chat": chat},
    )


def _pressed(header: Mapping[str, Any], event: Mapping[str, Any]) -> Inbound | None:
    """A button of a card of ours; others have no payload."""
    person = reading.string(reading.mapping(event.get("operator")).get("open_id"))
    value = reading.mapping(reading.mapping(event.get("action")).get("value"))
    payload, chat = reading.string(value.get("payload")), reading.string(value.get("chat"))
    context = reading.mapping(event.get("context"))
    message_id = reading.string(context.get("open_message_id"))
    if not payload or not person or not message_id:
        return None
    return Inbound(
        account=reading.string(header.get("app_id")),
        sender=f"{chat}:{person}" if chat else person,
        text=payload,
        title=reading.string(value.get("title")) or None,
        dedupe_key=reading.key(reading.string(header.get("event_id")) or f"card:{message_id}"),
        metadata={"type": "button"},
        address={"message_id": message_id, "chat": chat},
    )


def _words(kind: str, message: Mapping[str, Any]) -> str:
    """What was typed, without the marks of who was addressed."""
    try:
        content = reading.json_object(reading.string(message.get("content")).encode())
    except errors.BadRequest:
        content = {}
    if kind == "text":
        words = reading.string(content.get("text"))
    elif kind == "post":
        words = _post_words(content)
    else:
        return reading.placeholder(PLACEHOLDERS.get(kind, kind))
    for mention in reading.items(message.get("mentions")):
        mark = reading.string(reading.mapping(mention).get("key"))
        if mark:
            words = words.replace(mark, "")
    return words.strip()


def _post_words(content: Mapping[str, Any]) -> str:
    """The words of a rich text: its title, then its lines."""
    lines = [reading.string(content.get("title"))]
    for line in reading.items(content.get("content")):
        parts = map(reading.mapping, reading.items(line))
        words = [reading.string(p.get("text")) for p in parts if p.get("tag") in ("text", "a")]
        lines.append("".join(words))
    return "\n".join(filter(None, lines))


def _text(words: str) -> dict[str, Any]:
    return {"msg_type": "text", "content": orjson.dumps({"text": words}).decode()}


def _card(message: BotMessage, chat: str) -> list[dict[str, Any]]:
    """A card; a pressed button gives back what the vendor does not say: its title, the group."""
    buttons = [
        {
            "tag": "button",
            "type": "default",
            "text": {"tag": "plain_text", "content": button.title},
            "value": {"payload": button.payload, "title": button.title, "chat": chat},
        }
        for button in message.buttons
    ]
    words = {"tag": "div", "text": {"tag": "plain_text", "content": message.text}}
    elements = [words, {"tag": "action", "actions": buttons}]
    content = orjson.dumps({"config": {"wide_screen_mode": True}, "elements": elements})
    if len(buttons) > CARD_BUTTONS or len(content) > CARD_BYTES:
        return []
    return [{"msg_type": "interactive", "content": content.decode()}]


def _judge(answer: outbound.Answer) -> None:
    found = answer.json()
    code = found.get("code")
    if code == 0:
        return
    if not isinstance(code, int):
        answer.expect_success()
        raise SendError("the answer has no code")
    wait_s = answer.retry_after_s
    if code in LIMITED and wait_s is None:
        wait_s = 1.0
    raise SendError(f"code {_code(found)}", permanent=code in REFUSED, retry_after_s=wait_s)


def _code(answer: Mapping[str, Any]) -> str:
    return reading.string(answer.get("code")) or "missing"
