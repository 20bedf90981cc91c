"""Twilio: text messages, and what else Twilio delivers in their shape (WhatsApp, RCS).

Twilio signs the URL that it calls, so `Request.url` must be the public one, as configured.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot import errors
from bot.channels import calling, plain, reading, signatures, split
from bot.channels.channel import Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage

API = "https://api.twilio.com"
BODY = 1600  # characters; more are refused
NOTHING = HttpAnswer(body=b"<Response/>", content_type="text/xml")
_FORM = "application/x-www-form-urlencoded"
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
# Twilio itself answers these; another answer would be refused with 21610 or unwanted.
_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_TEMPORARY = {14107, 20429, 20500, 20503, 30001, 30008, 30022, 63018}


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """The numbers of one account."""

    account_sid: str
    auth_token: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    """Of a shared key, if webhooks are signed with one; else the auth token signs them."""
    max_segments: int = 6
    """Text messages that one reply may be charged as, before it is split; 1 to 10."""
    api: str = API
    name: str = "twilio"
    delivery: Delivery = Delivery.AT_LEAST_ONCE

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        given = signatures.header(request, "X-Twilio-Signature")
        secret = (self.signing_secret or self.auth_token).encode()
        if not secret:
            raise errors.Forged
        algorithm = _algorithm(request.headers.get("X-Twilio-Webhooks-Signature-Settings", ""))
        parameters = _signed_parameters(request)
        right = [  # Twilio signs with or without the port, so both are compared
            signatures.same(
                given,
                signatures.hmac_base64(secret, signatures.as_bytes(url + parameters), algorithm),
            )
            for url in _with_and_without_port(request.url)
        ]
        if not any(right):
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
        self, messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`."""
        texts = [plain.as_text(message) for message in messages]
        return [
            {"text": part}
            for text in texts
            for short in split.split(text, BODY)
            for part in split.split(short, self.max_segments, split.sms_segments)
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
        login = aiohttp.BasicAuth(self.account_sid, self.auth_token).encode()
        answer = await calling.call(
            http,
            f"{self.api}/2010-04-01/Accounts/{self.account_sid}/Messages.json",
            vendor="Twilio",
            body=urllib.parse.urlencode(form).encode(),
            headers={"Content-Type": _FORM, "Authorization": login},
        )
        if answer.ok:
            return
        code = answer.data.get("code")  # its text may name the visitor's number
        permanent = False if code in _TEMPORARY else None
        word = f"code {code}" if code else ""
        raise calling.refusal(answer, vendor="Twilio", code=word, permanent=permanent)


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
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return [url]
    return [urllib.parse.urlunsplit(parts._replace(netloc=n)) for n in (host, f"{host}:{port}")]


def _opted_out(fields: Mapping[str, str]) -> bool:
    text_message = not fields.get("From", "").startswith(("whatsapp:", "messenger:", "rcs:"))
    word = fields.get("Body", "").strip().upper()
    return bool(fields.get("OptOutType")) or (text_message and word in _STOP)


def _count(digits: str) -> int:
    return min(int(digits), 10) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0
