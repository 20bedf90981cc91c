"""A channel of your own: "pager", a system that posts {"id", "from", "text"} with a shared secret.

Install it as a package whose entry point says: [project.entry-points."frontdesk.channels"]
pager = "frontdesk_pager". Then [channels.pager] in frontdesk.toml connects it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot import errors
from bot.channels import catalogue, outbound, reading, signatures
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request
from bot.domain import BotMessage


class Settings(catalogue.ChannelSettings):
    secret: SecretStr
    url: str


class Pager:
    delivery = Delivery.AT_LEAST_ONCE  # the pager knows no idempotency key

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self._url = name, settings.url
        self._secret = settings.secret.get_secret_value().encode()

    def verify(self, request: Request) -> None:
        given = signatures.header(request, "X-Pager-Signature")
        signatures.check(given, signatures.hmac_hex(self._secret, request.body))

    def parse(self, request: Request) -> Received:
        data = reading.json_object(request.body)
        sender, text, key = (reading.string(data.get(n)) for n in ("from", "text", "id"))
        if not (sender and text and key):
            raise errors.BadRequest("id, from or text is missing.")
        said = Inbound(account="", sender=sender, text=text, dedupe_key=key, address={"to": sender})
        return Received(messages=[said])

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return [{"text": message.text} for message in messages]

    async def send(
        self, piece: Mapping[str, Any], address: Mapping[str, Any], *,
        key: str, http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        answer = await outbound.call(http, "POST", self._url, json={**piece, **address, "key": key})
        answer.expect_success()


def open_channel(name: str, settings: Settings) -> Channel:
    return Pager(name, settings)
