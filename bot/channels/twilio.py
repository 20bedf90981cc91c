"""Twilio: text messages, and what else Twilio delivers in their shape (WhatsApp, RCS).

Twilio signs the URL that it calls, so `Request.url` must be the public one, as configured.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, checks, outbound, plain, reading, signatures, split
from bot.channels.abilities import Finding
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.domain import BotMessage

BODY = 1600  # characters; more are refused
NOTHING = HttpAnswer(body=b"<Response/>", content_type="text/xml")
_FORM = "application/x-www-form-urlencoded"
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
# Twilio itself answers these; another answer would be refused with 21610 or unwanted.
_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_TEMPORARY = {14107, 20429, 20500, 20503, 30001, 30008, 30022, 63018}


class Settings(catalogue.ChannelSettings):
    """`[channels.twilio]`."""

    account_sid: str = Field(
        pattern=r"^AC[0-9a-fA-F]{32}$", description="Account SID, AC and 32 digits."
    )
    auth_token: SecretStr = Field(min_length=1, description="Auth Token, beside it.")
    signing_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of a shared key, if webhooks are signed with one; else empty: the Auth "
        "Token signs them.",
    )
    max_segments: int = Field(
        default=6,
        ge=1,
        le=10,
        description="A longer reply than so many text messages is split; each is charged.",
    )
    api_url: str = Field(
        default="https://api.twilio.com",
        description="Where Twilio's API is; for a proxy or another region.",
    )


class Twilio:
    """The numbers of one account."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._auth_token = settings.auth_token.get_secret_value()
        signing = settings.signing_secret.get_secret_value() or self._auth_token
        self._signing_secret = signing.encode()
        self._max_segments = settings.max_segments
        self._sid = settings.account_sid
        self._account = f"{settings.api_url.rstrip('/')}/2010-04-01/Accounts/{self._sid}"

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        given = signatures.header(request, "X-Twilio-Signature")
        algorithm = _algorithm(request.headers.get("X-Twilio-Webhooks-Signature-Settings", ""))
        parameters = _signed_parameters(request)
        # Twilio signs with or without the port, so both are compared.
        urls = map(signatures.as_bytes, _with_and_without_port(request.url))
        key, rest = self._signing_secret, signatures.as_bytes(parameters)
        right = [signatures.hmac_base64(key, url + rest, algorithm) for url in urls]
        if not any([signatures.same(given, one) for one in right]):
            raise errors.Forged

    def parse(self, request: Request) -> Received:
        """See `Channel.parse`."""
        fields = reading.form(request.body)
        sender, number = fields.get("From", ""), fields.get("To", "")
        text = fields.get("ButtonPayload") or fields.get("Body", "")
        media = [fields.get(f"MediaUrl{n}", "") for n in range(_count(fields.get("NumMedia", "")))]
        if not text.strip() and any(media):
            text = reading.placeholder("image")
        own = fields.get("MessageSid") or fields.get("SmsSid", "")
        # A delivery report has the same ids but neither text nor pictures.
        report = "Body" not in fields or "MessageStatus" in fields
        if report or _opted_out(fields) or not (text.strip() and sender and own):
            return Received(answer=NOTHING)
        pressed = "ButtonPayload" in fields
        message = Inbound(
            account=number,
            sender=sender,
            text=text,
            title=(fields.get("ButtonText") or fields.get("Body") or None) if pressed else None,
            dedupe_key=reading.key(own),
            metadata={"media": media} if any(media) else {},
            address={"to": sender, "from": number},
        )
        return Received(messages=[message], answer=NOTHING)

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        texts = [plain.as_text(message) for message in messages]
        return [
            {"text": part}
            for text in texts
            for short in split.split(text, BODY)
            for part in split.split(short, self._max_segments, split.sms_segments)
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
        form = {"To": address["to"], "From": address["from"], "Body": piece["text"]}
        answer = await outbound.call(
            http,
            "POST",
            f"{self._account}/Messages.json",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Content-Type": _FORM, **self._authorized()},
        )
        if succeeded(answer):
            return
        code = answer.json().get("code")  # its text may name the visitor's number
        permanent = False if code in _TEMPORARY else None
        raise refusal(answer, f"code {code}" if code else "", permanent=permanent)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask Twilio for the account, and where each number calls."""
        answer = await checks.ask(http, "GET", f"{self._account}.json", self._authorized())
        if isinstance(answer, Finding):
            return [answer]
        status = reading.string(answer.json().get("status"))
        if not (succeeded(answer) and status):
            hint = "Copy Account SID and Auth Token from the console's first page."
            said = f"Twilio refuses the account: HTTP {answer.status}."
            return [Finding(ok=False, what=said, hint=hint)]
        hint = "" if status == "active" else "Look at the console's first page for the reason."
        found = [Finding(ok=not hint, what=f"The account is {status}.", hint=hint)]
        place = f"{self._account}/IncomingPhoneNumbers.json"
        numbers = await checks.ask(http, "GET", place, self._authorized())
        if isinstance(numbers, Finding):
            return [*found, numbers]
        listed = reading.items(numbers.json().get("incoming_phone_numbers"))
        urls = [reading.string(reading.mapping(number).get("sms_url")) for number in listed]
        called = webhook_url if webhook_url in urls else next(iter(urls), "")
        where = "at the number, under Messaging, A message comes in"
        return [*found, checks.same_url(called, webhook_url, where=where)]

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": aiohttp.encode_basic_auth(self._sid, self._auth_token)}


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return Twilio(name, settings)


def _algorithm(settings: str) -> str:
    """The hash that the header of settings names ("key=...,algorithm=HMAC_SHA256")."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            found = _ALGORITHMS.get(value.strip().upper())
            if found is None:
                raise errors.Forged
            return found
    return "sha1"


def _signed_parameters(request: Request) -> str:
    """What is signed beside the URL: a form's fields, sorted; of any other body only its hash."""
    digest = request.query.get("bodySHA256", "")
    if digest:
        signatures.check(digest, signatures.sha256_hex(request.body))
        return ""
    pairs = sorted(set(reading.form_pairs(request.body)))
    return "".join(name + value for name, value in pairs)


def _with_and_without_port(url: str) -> Iterable[str]:
    parts = urllib.parse.urlsplit(url)
    try:
        given = parts.port
    except ValueError:
        return [url]
    host = parts.netloc.removesuffix(f":{given}")
    port = given or (443 if parts.scheme == "https" else 80)
    return [parts._replace(netloc=place).geturl() for place in (host, f"{host}:{port}")]


def _opted_out(fields: Mapping[str, str]) -> bool:
    text_message = not fields.get("From", "").startswith(("whatsapp:", "messenger:", "rcs:"))
    word = fields.get("Body", "").strip().upper()
    return bool(fields.get("OptOutType")) or (text_message and word in _STOP)


def _count(digits: str) -> int:
    return min(int(digits), 10) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0
