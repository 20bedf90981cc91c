"""What Messenger and WhatsApp Cloud share: handshake, signature, and the calls of the Graph API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import Field, SecretStr

from bot import errors
from bot.channels import catalogue, checks, outbound, plain, reading, signatures
from bot.channels.abilities import Finding
from bot.channels.channel import Delivery, HttpAnswer, Received, Request
from bot.channels.refusal import refusal, succeeded
from bot.domain import BotMessage, Button

# Codes of errors that pass: rates, spam protection, their own trouble; 190 and 102: the token,
# which somebody may mend.
_TEMPORARY = {
    *(1, 2, 4, 17, 32, 102, 190, 341, 368, 613, 1200, 80007),
    *(130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016),
}


class Settings(catalogue.ChannelSettings):
    """`[channels.messenger]` and `[channels.whatsapp]`."""

    app_secret: SecretStr = Field(
        min_length=1, description="App secret, under App settings, Basic; signs what comes in."
    )
    verify_token: SecretStr = Field(
        min_length=8,
        description="A word of your own, typed into Meta's page too; asked for once.",
    )
    access_token: SecretStr = Field(
        min_length=1, description="Access token of the page or of the system user."
    )
    api_url: str = Field(
        default="https://graph.facebook.com/v24.0",
        description="Where the Graph API is, with its version.",
    )


class Meta:
    """What both channels do alike."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._app_secret = settings.app_secret.get_secret_value().encode()
        self._verify_token = settings.verify_token.get_secret_value()
        self._token = settings.access_token.get_secret_value()
        self._api = settings.api_url.rstrip("/")

    def verify(self, request: Request) -> None:
        """See `Channel.verify`."""
        if request.method == "GET":
            if request.query.get("hub.mode") != "subscribe":
                raise errors.Forged
            signatures.check(request.query.get("hub.verify_token", ""), self._verify_token)
            return
        given = signatures.header(request, "X-Hub-Signature-256")
        right = signatures.hmac_hex(self._app_secret, request.body)
        signatures.check(given, "sha256=" + right)

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask Meta who the token is; where it calls us is shown on the app's page only."""
        answer = await checks.ask(http, "GET", f"{self._api}/me", self._authorized())
        if isinstance(answer, Finding):
            return [answer]
        data = answer.json()
        if succeeded(answer) and data.get("id"):
            who = reading.string(data.get("name")) or reading.string(data.get("id"))
            return [Finding(ok=True, what=f"The token is that of {who}.")]
        code = reading.mapping(data.get("error")).get("code", f"HTTP {answer.status}")
        hint = "Make a token that does not expire: a system user's, in the Business settings."
        return [Finding(ok=False, what=f"Meta refuses the token: {code}.", hint=hint)]

    async def post(
        self, http: aiohttp.ClientSession, account: str, message: Mapping[str, Any]
    ) -> None:
        """Send `message` from a page or number.

        Raises:
            SendError: it was refused.
        """
        answer = await outbound.call(
            http,
            "POST",
            f"{self._api}/{account}/messages",
            json=message,
            headers=self._authorized(),
        )
        error = reading.mapping(answer.json().get("error"))
        if succeeded(answer) and not error:
            return
        code, subcode = error.get("code"), error.get("error_subcode", "none")
        passing = error.get("is_transient") is True or (type(code) is int and code in _TEMPORARY)
        raise refusal(
            answer,
            f"code {code}, subcode {subcode}" if error else "",
            permanent=not passing if error and answer.status < 500 else None,
        )

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


def handshake(request: Request) -> Received:
    """The answer to Meta's one question, whether the address is ours."""
    challenge = request.query.get("hub.challenge", "")
    return Received(answer=HttpAnswer(body=signatures.as_bytes(challenge)))


def lettering(message: BotMessage, buttons: Sequence[Button], limit: int) -> tuple[str, list[str]]:
    """The text with what its buttons cannot show, and their titles."""
    if not buttons:
        return plain.numbered(message.text, message.buttons), []
    text, titles = plain.captions(message.text, buttons, limit)
    return text if text.strip() else plain.invitation(
        " ".join(button.title for button in buttons)
    ), titles


def few(buttons: Sequence[Button], most: int, longest: int) -> bool:
    """Whether all buttons can be shown: at most `most`, no payload longer than `longest`."""
    return 0 < len(buttons) <= most and all(0 < len(b.payload) <= longest for b in buttons)


def is_link(url: str) -> bool:
    """Whether Meta can fetch a picture from there."""
    return url.startswith(("https://", "http://"))


def rest_of(message: BotMessage) -> str:
    """What has no shape of its own here: an attachment, a picture that is no link."""
    image = "" if is_link(message.image) else message.image
    return "\n\n".join(filter(None, [image, plain.attachment_text(message.attachment)]))
