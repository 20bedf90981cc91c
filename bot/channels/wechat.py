"""WeChat Official Account in AES mode: a reply within the response, late ones by customer service.

Sealed XML → `Inbound`; reply → one passive text, or customer messages (text, msgmenu). Plain and
compatible mode are refused: there the signature does not cover the body.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import (
    catalogue,
    outbound,
    plain,
    reading,
    rendering,
    split,
    wechat_api,
    wechat_crypto,
)
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage

TEXT_BYTES = 2048
MENU_CHOICES = 10  # a menu of more is no help on a phone; the vendor names no limit
MENU_BYTES = 1024  # of the text above the choices
SUCCESS: Final = HttpAnswer(body=b"success")


class Settings(catalogue.ChannelSettings):
    """`[channels.wechat]`."""

    app_id: str = Field(description="AppID of the account, wx...")
    app_secret: SecretStr = Field(description="AppSecret; fetches access tokens.")
    token: SecretStr = Field(description="Token, as chosen at the vendor beside the URL.")
    aes_key: SecretStr = Field(description="EncodingAESKey, 43 letters and digits.")
    passive_within_s: float = Field(
        default=4.5,
        gt=0,
        le=4.8,
        description="Answer within the response up to so many seconds; WeChat waits 5.",
    )
    customer_service: bool = Field(
        default=True,
        description="Whether the account may send customer-service messages, as verified ones may; "
        "without, all that is said stands in the response, cut to its size, and late answers are "
        "lost.",
    )
    api_url: str = Field(
        default="https://api.weixin.qq.com", description="Where WeChat's API is; for a proxy."
    )


class WeChat:
    """One Official Account."""

    delivery = Delivery.AT_LEAST_ONCE
    passive_tries = 3

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.passive_within_s = settings.passive_within_s
        self._settings = settings
        self._base = settings.api_url.rstrip("/")
        self._envelope = wechat_crypto.Envelope(
            token=settings.token.get_secret_value(),
            aes_key=settings.aes_key.get_secret_value(),
            receiver=settings.app_id,
        )
        self._api = wechat_api.Api(self._base, self._fetch_token)

    def verify(self, request: Request) -> None:
        """See `Channel`: the URL check is signed in the open, a message is sealed."""
        if request.method == "GET":
            self._envelope.check(request, name="signature")
        else:
            self._envelope.opened(request)

    def parse(self, request: Request) -> Received:
        """See `Channel`."""
        if request.method == "GET":
            return Received(answer=HttpAnswer(body=reading.query(request, "echostr").encode()))
        try:
            values = wechat_crypto.fields(self._envelope.opened(request))
        except errors.Forged as cause:
            raise errors.BadRequest("The message is not sealed.", hint="Use AES mode.") from cause
        said = _said(values)
        known = said is not None and values.get("FromUserName")
        messages = (_inbound(values, *said),) if said is not None and known else ()
        return Received(messages=messages, answer=SUCCESS)

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and menus where there are choices."""
        return rendering.pieces(messages, text=_text, choices=_menu, limit=TEXT_BYTES)

    def passive(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any], request: Request
    ) -> HttpAnswer | None:
        """The whole reply as one sealed text; None when customer service says it better."""
        text = "\n\n".join(filter(None, map(plain.as_text, messages)))
        late = any(message.buttons for message in messages) or split.utf8(text) > TEXT_BYTES
        if not text or (late and self._settings.customer_service):
            return None
        text = split.split(text, TEXT_BYTES, split.utf8)[0]
        stamp = int(request.received_at)
        inside = wechat_crypto.element(
            {
                "ToUserName": str(address.get("to", "")),
                "FromUserName": str(address.get("from", "")),
                "CreateTime": stamp,
                "MsgType": "text",
                "Content": text,
            }
        )
        sealed = self._envelope.sealed(inside, stamp=stamp, nonce=secrets.token_hex(8))
        return HttpAnswer(body=sealed, content_type="text/xml")

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`: a customer-service message."""
        body = {"touser": address.get("to"), **piece}
        await self._api.post(http, "/cgi-bin/message/custom/send", body)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Fetch an access token; the URL is checked by the vendor when it is saved there."""
        return await wechat_api.check_token(self._api.token, http, "docs/channels/wechat.md")

    async def _fetch_token(self, http: aiohttp.ClientSession) -> tuple[str, float]:
        # The stable token: instances that ask side by side get the same one.
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.app_id,
            "secret": self._settings.app_secret.get_secret_value(),
        }
        answer = await outbound.call(http, "POST", f"{self._base}/cgi-bin/stable_token", json=body)
        answer.expect_success()
        return wechat_api.token_of(answer.json())


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return WeChat(name, settings)


def _said(values: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Text and title of what a person said; None for other events."""
    kind = values.get("MsgType", "")
    if kind == "event":
        pressed = values.get("EventKey", "")
        return (pressed, None) if values.get("Event") == "CLICK" and pressed else None
    if kind == "text":
        chosen = values.get("bizmsgmenuid", "")
        words = values.get("Content", "")
        return (chosen, words) if chosen else (words, None)
    if kind == "voice" and values.get("Recognition"):
        return values["Recognition"], None
    return (reading.placeholder(kind), None) if kind and values.get("MsgId") else None


def _inbound(values: Mapping[str, str], text: str, title: str | None) -> Inbound:
    sender, account = values.get("FromUserName", ""), values.get("ToUserName", "")
    created = values.get("CreateTime", "")
    # MsgId alone has collided between accounts' followers (wire formats, 8).
    unique = values.get("MsgId") or f"{values.get('Event')}:{values.get('EventKey')}"
    return Inbound(
        account=account,
        sender=sender,
        text=text or reading.UNREADABLE,
        title=title,
        dedupe_key=reading.key(unique, sender, created),
        metadata={"type": values.get("MsgType", "")},
        address={"to": sender, "from": account},
    )


def _text(words: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": words}}


def _menu(message: BotMessage) -> list[dict[str, Any]]:
    if len(message.buttons) > MENU_CHOICES or split.utf8(message.text) > MENU_BYTES:
        return []
    choices = [{"id": button.payload, "content": button.title} for button in message.buttons]
    menu = {"head_content": message.text, "list": choices, "tail_content": ""}
    return [{"msgtype": "msgmenu", "msgmenu": menu}]
