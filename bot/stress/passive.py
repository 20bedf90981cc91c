"""R13: WeChat waits five seconds, asks three times; each person must hear exactly one answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from bot.channels import wechat_crypto
from bot.stress.echo import PREFIX
from bot.stress.process import Echo

WAITS_S, TRIES = 5.0, 3  # as the vendor documents
LATE_S = 4.8
QUICKEST_S, SLOWEST_S = 0.1, 20.0  # of the model; most are quick: the way there is squared
PER_SECOND = 8.0  # 64 places for 6.7 s on average take 9.5 a second
PATIENCE_S = 60.0  # after the last delivery
CREATED = 1_348_831_860
APP, TOKEN, NONCE = "wx5823bf96d3bd56c7", "QDG6eK", "1372623149"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"  # of the tests, opens nothing
CALLS = re.compile(r"^echo_calls ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    messages: int
    deliveries: int
    model_calls: int
    heard_once: int
    """People who heard exactly one answer."""
    heard_never: int
    heard_twice: int
    in_the_response: int
    later_than_allowed: int
    """Answers in the response after more than 4.8 s."""
    slowest_response_s: float
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        once = self.heard_once == self.messages == self.model_calls
        return once and not self.heard_twice and not self.later_than_allowed

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class Vendor:
    """WeChat's side: delivers, waits, hangs up, delivers again; notes what people hear."""

    heard: Counter[str] = field(default_factory=Counter)
    passive_s: list[float] = field(default_factory=list)
    """How long each answer in the response took."""
    deliveries: int = 0
    envelope: wechat_crypto.Envelope = field(
        default_factory=lambda: wechat_crypto.Envelope(token=TOKEN, aes_key=AES_KEY, receiver=APP)
    )

    async def deliver(self, http: aiohttp.ClientSession, url: str, number: int) -> None:
        """Deliver one message until it is answered, or three times."""
        for _ in range(TRIES):
            self.deliveries += 1
            began = time.monotonic()
            try:
                async with asyncio.timeout(WAITS_S):
                    status, body = await self._post(http, url, number)
            except TimeoutError:
                continue
            if status == 200:
                if body not in (b"success", b""):
                    self.heard[self._said(body)] += 1
                    self.passive_s.append(time.monotonic() - began)
                return

    async def _post(self, http: aiohttp.ClientSession, url: str, number: int) -> tuple[int, bytes]:
        query, body = self._sealed(number)
        async with http.post(f"{url}/webhooks/wechat/webhook", params=query, data=body) as answer:
            return answer.status, await answer.read()

    def _sealed(self, number: int) -> tuple[dict[str, str], bytes]:
        said = wechat_crypto.element(
            {
                "ToUserName": "gh_1",
                "FromUserName": f"person{number}",
                "CreateTime": CREATED + number,  # the same for each delivery
                "MsgType": "text",
                "Content": str(number),
                "MsgId": number,
            }
        )
        encrypted, stamp = self.envelope.encrypted(said), str(int(time.time()))
        signature = self.envelope.signature(stamp, NONCE, encrypted)
        query = {"timestamp": stamp, "nonce": NONCE, "encrypt_type": "aes"}
        return query | {"msg_signature": signature}, wechat_crypto.element(
            {"ToUserName": "gh_1", "Encrypt": encrypted}
        )

    def _said(self, body: bytes) -> str:
        inside = self.envelope.decrypted(wechat_crypto.fields(body)["Encrypt"])
        return wechat_crypto.fields(inside)["Content"]

    async def api(self, request: web.Request) -> web.Response:
        """Tokens for everybody; a customer-service message is heard."""
        if request.path.endswith("/custom/send"):
            self.heard[orjson.loads(await request.read())["text"]["content"]] += 1
        return web.json_response({"errcode": 0, "access_token": "AT", "expires_in": 7200})


async def run(folder: Path, messages: int, *, seed: int = 1) -> Outcome:
    """Deliver `messages`, eight a second, whose computation takes 0.1 to 20 s."""
    numbers = list(range(messages))
    random.Random(seed).shuffle(numbers)  # noqa: S311 - repeatable, keeps no secret
    began, vendor = time.monotonic(), Vendor()
    async with _listening(vendor) as api_url, _session() as http:
        server = Echo(folder=folder, settings=_settings(api_url), takes_s=QUICKEST_S)
        await server.start("--takes-up-to-s", str(SLOWEST_S), "--of", str(messages))
        try:
            running = []
            for place, number in enumerate(numbers):
                wait_s = began + place / PER_SECOND - time.monotonic()
                await asyncio.sleep(max(0.0, wait_s))
                running.append(asyncio.create_task(vendor.deliver(http, server.url, number)))
            await asyncio.gather(*running)
            await _until_heard(vendor, messages)
            calls = await _calls(http, server.url)
        finally:
            await server.end()
    return _judge(vendor, messages, calls, time.monotonic() - began)


def _judge(vendor: Vendor, messages: int, calls: int, seconds: float) -> Outcome:
    heard = [vendor.heard[f"{PREFIX}{number}"] for number in range(messages)]
    return Outcome(
        messages=messages,
        deliveries=vendor.deliveries,
        model_calls=calls,
        heard_once=heard.count(1),
        heard_never=heard.count(0),
        heard_twice=sum(one > 1 for one in heard),
        in_the_response=len(vendor.passive_s),
        later_than_allowed=sum(took > LATE_S for took in vendor.passive_s),
        slowest_response_s=round(max(vendor.passive_s, default=0.0), 2),
        seconds=round(seconds, 1),
    )


async def _until_heard(vendor: Vendor, messages: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if len(vendor.heard) >= messages:
            await asyncio.sleep(3.0)  # for an answer too many
            return
        await asyncio.sleep(0.1)


async def _calls(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(f"{url}/metrics") as answer:
        found = CALLS.search(await answer.text())
    return int(float(found[1])) if found else 0


@contextlib.asynccontextmanager
async def _listening(vendor: Vendor) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{rest:.*}", vendor.api)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


def _settings(api_url: str) -> str:
    return f"""[limits]
visitor_per_minute = 0
[channels.wechat]
app_id = "{APP}"
app_secret = "x"
token = "{TOKEN}"
aes_key = "{AES_KEY}"
api_url = "{api_url}"
"""
