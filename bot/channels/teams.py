"""Microsoft Teams and other channels of the Bot Framework: a signed token proves who calls.

The body is not signed, so the address to answer to (serviceUrl) must be the one in the token, and
on a list of hosts. Choices are a card whose buttons send their payload unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
from aiohttp import web
from jwt.types import Options
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, outbound, reading, rendering, signatures, split
from bot.channels.abilities import Accept, Finding
from bot.channels.access_token import AccessToken
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request, SendError
from bot.channels.jwks import KeySet
from bot.domain import BotMessage

ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com/.default"
LEEWAY_S = 300
LONGEST_TOKEN = 8192  # characters
TEXT_UNITS = 10_000  # UTF-16; Teams takes about 28 kB in all
CARD_BUTTONS = 6
HERO_CARD = "application/vnd.microsoft.card.hero"
_RETRIED = frozenset({412, 502, 504})  # as Teams documents


class Settings(catalogue.ChannelSettings):
    """`[channels.teams]`."""

    app_id: str = Field(description="Microsoft App ID of the bot.")
    app_password: SecretStr = Field(description="Client secret of the app; fetches tokens.")
    tenant_id: str = Field(
        default="botframework.com",
        description="Directory (tenant) id of a single-tenant bot; for others leave it as it is.",
    )
    service_hosts: tuple[str, ...] = Field(
        default=(
            "smba.trafficmanager.net",
            "smba.infra.gcc.teams.microsoft.com",
            "webchat.botframework.com",
            "directline.botframework.com",
        ),
        description="Hosts that replies may be sent to; the address comes with each message.",
    )
    keys_url: str = Field(
        default="https://login.botframework.com/v1/.well-known/keys",
        description="Where Microsoft shows the public keys of its tokens.",
    )
    login_url: str = Field(
        default="https://login.microsoftonline.com", description="Where Microsoft gives tokens."
    )


class Teams:
    """One bot."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        if not settings.app_id:
            raise errors.ConfigError(
                f"[channels.{name}] app_id is empty.", hint="Copy the Microsoft App ID."
            )
        self.keys = KeySet(settings.keys_url)
        self._token = AccessToken(self._fetch_token)

    def mount(self, app: web.Application, _accept: Accept) -> None:
        """Keeps the public keys fresh while the application runs; adds no route."""
        app.cleanup_ctx.append(self.keys.run)

    def verify(self, request: Request) -> None:
        """See `Channel`."""
        token = _bearer(request.headers.get("Authorization", ""))
        key, endorsed = self._key_of(token)
        claims = _claims(token, key)
        try:
            activity = reading.json_object(request.body)
        except errors.BadRequest:
            raise errors.Forged from None
        _check_times(claims, request.received_at)
        signatures.check(_claim(claims, "iss"), ISSUER)
        signatures.check(_claim(claims, "aud").lower(), self._settings.app_id.lower())
        service = reading.string(activity.get("serviceUrl"))
        signatures.check(service, _claim(claims, "serviceurl") or _claim(claims, "serviceUrl"))
        channel = reading.string(activity.get("channelId"))
        if endorsed and channel and channel not in endorsed:
            raise errors.Forged

    def parse(self, request: Request) -> Received:
        """See `Channel`."""
        activity = reading.json_object(request.body)
        person = reading.mapping(activity.get("from"))
        bot = reading.mapping(activity.get("recipient"))
        conversation = reading.mapping(activity.get("conversation"))
        sender, place = reading.string(person.get("id")), reading.string(conversation.get("id"))
        if (
            activity.get("type") != "message"
            or not sender
            or not place
            or person.get("role") == "bot"
            or sender == bot.get("id")
        ):
            return Received()
        service = reading.string(activity.get("serviceUrl"))
        try:
            outbound.check_foreign(service, self._settings.service_hosts)
        except SendError as cause:
            raise errors.BadRequest(
                "serviceUrl is not an address of the vendor.",
                hint="Add its host to service_hosts if it is one.",
            ) from cause
        personal = conversation.get("conversationType", "personal") == "personal"
        activity_id = reading.string(activity.get("id"))
        text, title = _said(activity)
        found = Inbound(
            account=self._settings.app_id,
            sender=sender if personal else f"{place}:{sender}",
            text=text or reading.UNREADABLE,
            title=title,
            # The id is a time in milliseconds: unique within its conversation only.
            dedupe_key=reading.key(place, activity_id)
            if activity_id
            else reading.key_of_body(request.body),
            metadata={"channel": reading.string(activity.get("channelId"))},
            address={
                "service_url": service,
                "activity_id": activity_id,
                "conversation": dict(conversation),
                "person": dict(person),
                "bot": dict(bot),
            },
        )
        return Received(messages=(found,))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel`: texts, and cards with buttons where there are choices."""
        return rendering.pieces(
            messages, text=_text, choices=_card, limit=TEXT_UNITS, unit=split.utf16
        )

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel`."""
        url = _reply_url(address)
        activity = {
            **piece,
            "from": address.get("bot"),
            "recipient": address.get("person"),
            "conversation": address.get("conversation"),
            "replyToId": address.get("activity_id"),
        }
        # Before a token is fetched: a token must never go to a host that is not the vendor's.
        outbound.check_foreign(url, self._settings.service_hosts)
        token = await self._token.get(http)
        answer = await self._post(url, activity, token)
        if answer.status == 401:
            self._token.refused(token)
            answer = await self._post(url, activity, await self._token.get(http))
        if answer.status in _RETRIED:
            raise SendError(f"HTTP {answer.status}", retry_after_s=answer.retry_after_s)
        answer.expect_success()

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Fetch an access token, and the keys that prove who calls."""
        findings = []
        for what, fetch, hint in (
            ("access token", self._token.get, "Compare app_id, app_password and tenant_id."),
            ("public keys", self.keys.fetch, "Let this server reach keys_url."),
        ):
            try:
                await fetch(http)
            except SendError as problem:
                findings.append(Finding(ok=False, what=f"No {what}: {problem}", hint=hint))
            else:
                findings.append(Finding(ok=True, what=f"Microsoft gave {what}."))
        return findings

    def _key_of(self, token: str) -> tuple[jwt.PyJWK, tuple[str, ...]]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except Exception:  # a library reads hostile bytes: whatever it raises is a no
            raise errors.Forged from None
        found = self.keys.find(key_id)
        if found is None:
            raise errors.Forged
        return found

    async def _post(self, url: str, activity: Mapping[str, Any], token: str) -> outbound.Answer:
        return await outbound.call_foreign(
            "POST",
            url,
            hosts=self._settings.service_hosts,
            json=activity,
            headers={"Authorization": f"Bearer {token}"},
        )

    async def _fetch_token(self, http: aiohttp.ClientSession) -> tuple[str, float]:
        login = self._settings.login_url.rstrip("/")
        answer = await outbound.call(
            http,
            "POST",
            f"{login}/{quote(self._settings.tenant_id, safe='')}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._settings.app_id,
                "client_secret": self._settings.app_password.get_secret_value(),
                "scope": SCOPE,
            },
        )
        found = answer.json()
        token, life_s = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not isinstance(life_s, int):
            raise SendError(f"HTTP {answer.status} for a token")
        return token, float(life_s)


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Teams(name, settings)


def _bearer(header: str) -> str:
    """The token of an Authorization header.

    Raises:
        errors.Forged: there is none.
    """
    parts = header.split()
    if len(header) > LONGEST_TOKEN or len(parts) != 2 or parts[0].lower() != "bearer":
        raise errors.Forged
    return parts[1]


def _claims(token: str, key: jwt.PyJWK) -> dict[str, Any]:
    """What Microsoft signed; times, issuer and audience are checked by the caller.

    Raises:
        errors.Forged: it was not signed with this key.
    """
    options = Options(
        verify_exp=False,
        verify_nbf=False,
        verify_iat=False,
        verify_aud=False,
        verify_iss=False,
        verify_sub=False,
        verify_jti=False,
    )
    try:
        return jwt.decode(token, key, algorithms=["RS256"], options=options)
    except Exception:  # see `_key_of`
        raise errors.Forged from None


def _claim(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """The token must have begun and not have ended.

    Raises:
        errors.Forged: it has not begun, has ended, or does not say when it ends.
    """
    ends, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(ends, int) or not isinstance(begins, int):
        raise errors.Forged
    if not begins - LEEWAY_S <= now < ends + LEEWAY_S:
        raise errors.Forged


def _said(activity: Mapping[str, Any]) -> tuple[str, str | None]:
    """Text and title of a pressed button, or the words without the mention of the bot."""
    value = reading.mapping(activity.get("value"))
    payload = reading.string(value.get("payload"))
    if payload:
        return payload, reading.string(value.get("title")) or None
    words = reading.string(activity.get("text"))
    bot = reading.mapping(activity.get("recipient")).get("id")
    for entity in map(reading.mapping, reading.items(activity.get("entities"))):
        mention = reading.string(entity.get("text"))
        if mention and reading.mapping(entity.get("mentioned")).get("id") == bot:
            words = words.replace(mention, "")
    words = words.replace("&nbsp;", " ").strip()
    first = reading.mapping(next(iter(reading.items(activity.get("attachments"))), None))
    kind = reading.string(first.get("contentType")).partition("/")[0]
    return words or (reading.placeholder(kind) if first else ""), None


def _reply_url(address: Mapping[str, Any]) -> str:
    """Where the reply to an activity goes.

    Raises:
        SendError: an id could lead elsewhere.
    """
    conversation = reading.string(reading.mapping(address.get("conversation")).get("id"))
    activity = reading.string(address.get("activity_id"))
    if conversation in ("", ".", "..") or activity in (".", ".."):
        raise SendError("the conversation to answer in has no id", permanent=True)
    base = reading.string(address.get("service_url")).rstrip("/")
    url = f"{base}/v3/conversations/{quote(conversation, safe='')}/activities"
    return f"{url}/{quote(activity, safe='')}" if activity else url


def _text(words: str) -> dict[str, Any]:
    return {"type": "message", "text": words, "textFormat": "plain"}


def _card(message: BotMessage) -> list[dict[str, Any]]:
    if len(message.buttons) > CARD_BUTTONS or split.utf16(message.text) > TEXT_UNITS:
        return []
    buttons = [
        {
            "type": "messageBack",
            "title": button.title,
            "displayText": button.title,
            "text": button.payload,
            "value": {"payload": button.payload, "title": button.title},
        }
        for button in message.buttons
    ]
    card = {"contentType": HERO_CARD, "content": {"buttons": buttons}}
    return [_text(message.text) | {"attachments": [card]}]
