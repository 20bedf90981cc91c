"""WeChat customer service (kf): the webhook only rings; messages are fetched by a cursor.

Sealed notice → `Received.notice` → `pull` → `Inbound`s and the new cursor, stored together by the
gateway. Replies go out by `send_msg`, choices as `msgmenu`; a person takes over by the queue.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot.channels import catalogue, reading, rendering, split, wechat_api, wecom
from bot.channels.abilities import Finding, Pulled
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request
from bot.domain import BotMessage, Button

TEXT_BYTES = 2048
MENU_BYTES = 1024  # of the text above the choices
MENU_CHOICES = 10
CHOICE_BYTES = 128  # of a choice's title, and of its id
LIMIT = 1000  # messages at once
CUSTOMER, SERVED_BY_PERSON, IN_QUEUE = 3, {1, 2, 4}, 2
SESSION_ENDED = 3
# Without a cursor the vendor gives three days; the bot must not answer what people answered then.
FIRST_PULL_S = 600


class Settings(catalogue.ChannelSettings):
    """`[channels.wecom_kf]`."""

    corp_id: str = Field(description="Corp id, ww...")
    secret: SecretStr = Field(description="Secret of WeChat customer service; fetches tokens.")
    token: SecretStr = Field(description="Token, as chosen at the callback of customer service.")
    aes_key: SecretStr = Field(description="EncodingAESKey, 43 letters and digits.")
    accounts: tuple[str, ...] = Field(
        default=(), description="Account ids (wk...) to ask at the start, before anyone writes."
    )
    api_url: str = Field(default=wecom.DEFAULT_URL, description="Where WeCom's API is.")


class WeComKf:
    """The customer-service accounts of one company."""

    # `msgid` is sent, but that a repeated one is dropped is not documented (docs/decisions/0037).
    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._accounts = settings.accounts
        self._envelope = wecom.envelope(settings.token, settings.aes_key, settings.corp_id)
        base = settings.api_url.rstrip("/")
        secret = settings.secret.get_secret_value()
        fetch = wechat_api.corp_token(base, settings.corp_id, secret)
        self._api = wechat_api.Api(base, fetch)

    def verify(self, request: Request) -> None:
        """See `Channel`."""
        wecom.verify(self._envelope, request)

    def parse(self, request: Request) -> Received:
        """See `Channel`: never a message, at most a notice."""
        if request.method == "GET":
            return wecom.url_check(self._envelope, request)
        values = wecom.opened(self._envelope, request)
        account = values.get("OpenKfId", "")
        if values.get("Event") != "kf_msg_or_event" or not account:
            return Received()
        return Received(notice={"account": account, "token": values.get("Token", "")})

    async def pull(
        self,
        notice: Mapping[str, Any],
        state: Mapping[str, Any],
        *,
        http: aiohttp.ClientSession,
    ) -> Pulled:
        """See `Pulling`: one page of each account that rang, of all that are known at the start.

        `state` holds by account the cursor, and the customers that a person is serving.
        """
        rung = reading.string(notice.get("account"))
        known = reading.mapping(state.get("accounts"))
        pages = dict(known)
        messages: list[Inbound] = []
        more = False
        for account in [rung] if rung else sorted({*known, *self._accounts}):
            before = reading.mapping(known.get(account))
            page = await self._page(account, before, reading.string(notice.get("token")), http)
            served = set(map(reading.string, reading.items(before.get("served"))))
            oldest = 0.0 if before else time.time() - FIRST_PULL_S
            messages += _inbounds(reading.items(page.get("msg_list")), served, oldest)
            cursor = reading.string(page.get("next_cursor")) or before.get("cursor", "")
            pages[account] = {"cursor": cursor, "served": sorted(served)}
            more = more or (page.get("has_more") == 1 and cursor != before.get("cursor"))
        return Pulled(messages=messages, state={"accounts": pages}, more=more)

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and menus where the choices fit."""
        return rendering.pieces(messages, text=wecom.text_piece, choices=_menu, limit=TEXT_BYTES)

    def handover(self, address: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The customer joins the queue for a person; from then on only people may write."""
        return [{"service_state": IN_QUEUE}]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`."""
        customer, account = address.get("to"), address.get("account")
        if "service_state" in piece:
            body = {"open_kfid": account, "external_userid": customer, **piece}
            await self._api.post(http, "/cgi-bin/kf/service_state/trans", body)
            return
        msgid = hashlib.sha256(key.encode()).hexdigest()[:32]
        body = {"touser": customer, "open_kfid": account, "msgid": msgid, **piece}
        await self._api.post(http, "/cgi-bin/kf/send_msg", body)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Fetch an access token; the URL is checked by the vendor when it is saved there."""
        return await wechat_api.check_token(self._api.token, http, "docs/channels/wecom_kf.md")

    async def _page(
        self, account: str, before: Mapping[str, Any], token: str, http: aiohttp.ClientSession
    ) -> dict[str, Any]:
        body = {"cursor": before.get("cursor", ""), "limit": LIMIT, "open_kfid": account}
        path = "/cgi-bin/kf/sync_msg"
        if not token:
            return await self._api.post(http, path, body)
        try:
            return await self._api.post(http, path, {**body, "token": token})
        except wechat_api.Refused:  # the notice's token lasts ten minutes; it only lifts a limit
            return await self._api.post(http, path, body)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return WeComKf(name, settings)


def _inbounds(page: Iterable[object], served: set[str], oldest: float) -> Iterable[Inbound]:
    """The messages of customers whom no person serves; `served` is kept up to date."""
    for item in page:
        message = reading.mapping(item)
        event = reading.mapping(message.get("event"))
        if event.get("event_type") == "session_status_change":
            customer = reading.string(event.get("external_userid"))
            change = event.get("change_type")
            if customer and change in SERVED_BY_PERSON:
                served.add(customer)
            elif change == SESSION_ENDED:
                served.discard(customer)
        customer = reading.string(message.get("external_userid"))
        sent_at = message.get("send_time")
        old = isinstance(sent_at, int) and sent_at < oldest
        if message.get("origin") == CUSTOMER and customer and customer not in served and not old:
            yield _inbound(message, customer)


def _inbound(message: Mapping[str, Any], customer: str) -> Inbound:
    kind = reading.string(message.get("msgtype"))
    account = reading.string(message.get("open_kfid"))
    said = reading.mapping(message.get("text"))
    words, chosen = reading.string(said.get("content")), reading.string(said.get("menu_id"))
    if kind != "text":
        words = reading.placeholder(kind)
    msgid = reading.string(message.get("msgid"))
    return Inbound(
        account=account,
        sender=customer,
        text=chosen or words or reading.UNREADABLE,
        title=words if chosen else None,
        dedupe_key=reading.key(msgid or f"{customer}:{message.get('send_time')}:{words}"),
        metadata={"type": kind},
        address={"to": customer, "account": account},
    )


def _fits_menu(message: BotMessage) -> bool:
    return (
        len(message.buttons) <= MENU_CHOICES
        and split.utf8(message.text) <= MENU_BYTES
        and all(map(_fits_choice, message.buttons))
    )


def _fits_choice(button: Button) -> bool:
    return 0 < split.utf8(button.title) <= CHOICE_BYTES >= split.utf8(button.payload) > 0


def _menu(message: BotMessage) -> list[dict[str, Any]]:
    if not _fits_menu(message):
        return []
    choices = [
        {"type": "click", "click": {"id": b.payload, "content": b.title}} for b in message.buttons
    ]
    menu = {"head_content": message.text, "list": choices}
    return [{"msgtype": "msgmenu", "msgmenu": menu}]
