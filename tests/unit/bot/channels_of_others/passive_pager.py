"""A channel that answers in the response, as WeChat does: 0.3 s, three tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from bot import errors
from bot.channels import catalogue, outbound, reading
from bot.channels.channel import Channel, Delivery, HttpAnswer, Inbound, Received, Request
from bot.domain import BotMessage


class Settings(catalogue.ChannelSettings):
    url: str


class PassivePager:
    delivery = Delivery.AT_LEAST_ONCE
    passive_within_s = 0.3
    passive_tries = 3

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url

    def verify(self, request: Request) -> None:
        if request.headers.get("X-Secret", "") != "open sesame":  # a test's, not a real one
            raise errors.Forged

    def parse(self, request: Request) -> Received:
        data = reading.json_object(request.body)
        said = Inbound(
            account="",
            sender=data["from"],
            text=data["text"],
            dedupe_key=data["id"],
            address={"to": data["from"]},
        )
        return Received(messages=[said], answer=HttpAnswer(body=b"success"))

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return [{"text": message.text} for message in messages]

    def passive(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any], request: Request
    ) -> HttpAnswer | None:
        return HttpAnswer(body=orjson.dumps([message.text for message in messages]))

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        answer = await outbound.call(http, "POST", self.url, json=piece)
        answer.expect_success()


def open_channel(name: str, settings: Settings) -> Channel:
    return PassivePager(name, settings.url)
