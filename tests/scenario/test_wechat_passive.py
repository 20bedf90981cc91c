"""R13: WeChat waits five seconds, asks three times, and each person hears exactly one answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from bot.channels import wechat_crypto
from bot.domain import Message
from bot.gateway import outgoing
from bot.stress.echo import EchoEngine
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, envelope, sealed
from tests.unit.bot.channels.vendor import Vendor, vendor
from tests.unit.bot.gateway_app import running

WAITS_S, TRIES = 5.0, 3  # as the vendor documents
FASTER = 3.0
ANSWERS_S = 3.0  # our own deadline here: a busy machine must not make the test lie


@dataclass
class WeChat:
    """The vendor's side: delivers, waits, hangs up, delivers again; notes what people hear."""

    url: str
    http: aiohttp.ClientSession
    faster: float
    heard: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    """Seconds of passive answers that came after 4.8, in the vendor's time."""
    deliveries: int = 0

    async def deliver(self, number: int) -> None:
        """One message until it is answered, in the open (`success`), or three times without."""
        for _ in range(TRIES):
            self.deliveries += 1
            started = time.monotonic()
            try:
                async with asyncio.timeout(WAITS_S / self.faster):
                    status, body = await self._post(number)
            except TimeoutError:
                continue
            took_s = (time.monotonic() - started) * self.faster
            if status == 200 and body in (b"success", b""):
                return
            if status == 200:
                self.heard[spoken(body)] += 1
                self.late += [took_s] * (took_s > 4.8)
                return

    async def _post(self, number: int) -> tuple[int, bytes]:
        xml = (
            f"<xml><ToUserName>gh_1</ToUserName><FromUserName>person{number}</FromUserName>"
            f"<CreateTime>1348831860</CreateTime><MsgType>text</MsgType>"
            f"<Content>{number}</Content><MsgId>{number}</MsgId></xml>"
        )
        call = sealed(xml, at=time.time())
        url = self.url + "/webhooks/wechat/webhook"
        async with self.http.post(url, params=dict(call.query), data=call.body) as answer:
            return answer.status, await answer.read()


def spoken(body: bytes) -> str:
    """What a passive answer says."""
    return wechat_crypto.fields(envelope().decrypted(wechat_crypto.fields(body)["Encrypt"]))[
        "Content"
    ]


def by_customer_service(side: Vendor) -> Counter[str]:
    """What people heard by the customer-service API."""
    calls = [call.json() for call in side.ledger if call.path.endswith("/custom/send")]
    return Counter(call["text"]["content"] for call in calls)


@pytest.fixture
def faster(monkeypatch: pytest.MonkeyPatch) -> float:
    """How much faster than real the vendor is, in our own eyes too."""
    monkeypatch.setattr(outgoing, "TRY_EVERY_S", WAITS_S / FASTER)
    return FASTER


async def deadline(data: Path, messages: int, faster: float) -> WeChat:
    """Deliver `messages` whose computation takes 0.1 to 20 s, all times divided by `faster`."""
    async with vendor() as side:
        everything = {"errcode": 0, "access_token": "AT", "expires_in": 7200}
        side.usual = lambda: web.Response(body=orjson.dumps(everything))
        section = {
            "app_id": RECEIVER,
            "app_secret": "x",
            "token": TOKEN,
            "aes_key": AES_KEY,
            "api_url": side.url,
            "passive_within_s": ANSWERS_S / faster,
        }
        limits = {"channel_per_minute": 0, "max_waiting": 2 * messages}
        async with running(data, channels={"wechat": section}, limits=limits) as gateway:
            gateway.engine.pace = lambda message: pace(message, messages) / faster
            before = EchoEngine.calls
            without_limit = aiohttp.TCPConnector(limit=0)  # the vendor has connections enough
            async with aiohttp.ClientSession(connector=without_limit) as http:
                made = WeChat(gateway.url, http, faster)
                await asyncio.gather(*(made.deliver(number) for number in range(messages)))
            everyone = {f"re: {number}" for number in range(messages)}
            deadline_s = time.monotonic() + 60
            while everyone - {*made.heard, *by_customer_service(side)}:
                assert time.monotonic() < deadline_s, everyone - {
                    *made.heard,
                    *by_customer_service(side),
                }
                await asyncio.sleep(0.05)
            await asyncio.sleep(1.0)  # for an answer too many
            made.heard += by_customer_service(side)
            assert EchoEngine.calls - before == messages
    return made


def pace(message: Message, messages: int) -> float:
    """From 0.1 to 20 s, most of them short: as a share of the way there, squared."""
    return 0.1 + 19.9 * (int(message.text) / messages) ** 2


async def test_each_person_hears_exactly_one_answer_in_time(tmp_path: Path, faster: float) -> None:
    made = await deadline(tmp_path, messages=45, faster=faster)
    assert made.heard == Counter({f"re: {number}": 1 for number in range(45)})
    assert made.late == []
    assert made.deliveries > 45  # some were asked again, and joined the first computation
