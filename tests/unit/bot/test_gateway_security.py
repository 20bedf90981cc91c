"""What strangers may try: forged and oversized requests, floods, addresses that lead inside."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.channels import outbound
from bot.channels.channel import SendError
from bot.channels.standard import Keys
from bot.records import Backlog
from bot.stress import vendors
from bot.web.limiting import client_address
from tests.unit.bot.gateway_app import running, until

PLACE = "/webhooks/webhook/webhook"
BODY = b'{"type":"message","data":{"sender":"u","text":"hi"}}'


def signed(body: bytes = BODY, at: float = 0.0, **changes: str) -> dict[str, str]:
    headers = vendors.KEYS.sign("msg_1", at or time.time(), body)
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value}


def flipped(headers: dict[str, str]) -> dict[str, str]:
    signature = headers["webhook-signature"]
    other = "A" if signature[10] != "A" else "B"
    return headers | {"webhook-signature": signature[:10] + other + signature[11:]}


FORGED: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "no header": lambda: ({}, BODY),
    "an empty one": lambda: (signed(webhook_signature=""), BODY),
    "another key": lambda: (
        Keys.of(["whsec_" + "B" * 32]).sign("msg_1", time.time(), BODY),
        BODY,
    ),
    "one bit flipped": lambda: (flipped(signed()), BODY),
    "the body serialised anew": lambda: (signed(), json.dumps(json.loads(BODY)).encode()),
    "too old": lambda: (signed(at=time.time() - 301), BODY),
    "too new": lambda: (signed(at=time.time() + 302), BODY),
    "no number as time": lambda: (signed(webhook_timestamp="١٢٣"), BODY),
    "not ASCII": lambda: (signed(webhook_signature="v1,é"), BODY),
    "10 kB": lambda: (signed(webhook_signature="v1," + "A" * 7_000), BODY),
    "another id": lambda: (signed(webhook_id="msg_2"), BODY),
    "the wrong scheme": lambda: (signed(webhook_signature="v0,abc"), BODY),
}


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_request_hears_the_same_words_and_writes_nothing(
    tmp_path: Path, case: str
) -> None:
    """S1."""
    headers, body = FORGED[case]()
    async with running(tmp_path) as it:
        async with it.http.post(it.url + PLACE, data=body, headers=headers) as answer:
            assert (answer.status, await answer.read()) == (401, b"unauthorized")
        assert await it.parts.store.journal.backlog() == Backlog()


async def test_header_names_may_be_written_in_any_case(tmp_path: Path) -> None:
    headers = {name.upper(): value for name, value in signed().items()}
    async with (
        running(tmp_path) as it,
        it.http.post(it.url + PLACE, data=BODY, headers=headers) as answer,
    ):
        assert answer.status == 202


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b'{"type":"message"}', b"{" * 10_000, b'{"type":NaN}']
)
async def test_an_authentic_request_that_is_none_is_a_400(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path) as it:
        async with it.http.post(it.url + PLACE, data=body, headers=signed(body)) as answer:
            assert (answer.status, await answer.read()) == (400, b"bad request")
        assert await it.parts.store.journal.backlog() == Backlog()


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "   ", "\u200b", "x" * 50_000])
async def test_an_authentic_message_with_odd_text_is_answered(tmp_path: Path, text: str) -> None:
    body = f'{{"type":"message","data":{{"sender":"u","text":"a{text}"}}}}'.encode()
    async with running(tmp_path) as it:
        async with it.http.post(it.url + PLACE, data=body, headers=signed(body)) as answer:
            assert answer.status == 202
        await until(lambda: len(it.book.taken) >= 1)


async def test_a_bomb_of_gzip_is_a_413(tmp_path: Path) -> None:
    """S17; with 300 MiB and a process of its own: tests/scenario/test_gateway_process.py."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(40):
            file.write(b"\0" * 2**20)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with running(tmp_path) as it:
        for place in (PLACE, "/webhooks/rest/webhook"):
            async with it.http.post(
                it.url + place, data=packed.getvalue(), headers=headers
            ) as answer:
                assert answer.status == 413, place


async def test_what_says_that_it_is_too_large_is_not_read(tmp_path: Path) -> None:
    async with (
        running(tmp_path, limits={"max_webhook_bytes": 2000}) as it,
        it.http.post(it.url + PLACE, data=b"x" * 2001) as answer,
    ):
        assert answer.status == 413


async def test_one_visitor_who_floods_is_stopped_and_others_are_not(tmp_path: Path) -> None:
    """S21."""
    async with running(tmp_path, limits={"visitor_per_minute": 5}) as it:
        found = [await it.send("telegram", "1", n, "hello") for n in range(8)]
        assert found == [200] * 5 + [429] * 3
        assert await it.send("telegram", "2", 99, "hello") == 200
        body = {"sender": "u", "message": "hello"}
        for status in [200] * 5 + [429]:
            async with it.http.post(f"{it.url}/webhooks/rest/webhook", json=body) as answer:
                assert answer.status == status
                waits = answer.headers.get("Retry-After", "1")
                assert 1 <= int(waits) <= 60


async def test_a_made_up_forwarding_does_not_reset_the_limit(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"address_per_minute": 3}) as it:
        found = []
        for n in range(5):
            headers = {"X-Forwarded-For": f"203.0.113.{n}"}
            async with it.http.post(f"{it.url}/v1/sessions", headers=headers) as answer:
                found.append(answer.status)
        assert found == [201, 201, 201, 429, 429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "9.9.9.9", "127.0.0.1"),
        (1, "9.9.9.9", "9.9.9.9"),
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        (2, "9.9.9.9", "127.0.0.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:9.9.9.9", "9.9.9.9"),
        (1, "nonsense", "unknown"),
    ],
)
async def test_only_our_own_proxies_are_believed(
    proxies: int, forwarded: str, expected: str
) -> None:
    found: list[str] = []

    async def look(request: web.Request) -> web.Response:
        found.append(client_address(request, proxies))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", look)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers={"X-Forwarded-For": forwarded}) as answer,
    ):
        assert answer.status == 200
    await runner.cleanup()
    assert found == [expected]


HOSTS = ("oapi.example.com", ".vendor.example", "http://127.0.0.1:9000")
# PORT is that of a server which must not be called.
FOREIGN = [
    "http://oapi.example.com/x",
    "https://oapi.example.com:8443/x",
    "https://oapi.example.com@evil.example/x",
    "https://user:pw@oapi.example.com/x",
    "https://evil.example/x",
    "https://evil-vendor.example/x",
    "https://vendor.example.evil.example/x",
    "https://oapi.example.com.evil.example/x",
    "https://evil.example/https://oapi.example.com",
    "https://evil.example#oapi.example.com",
    "https://evil.example?oapi.example.com",
    "https://evil.example\\@oapi.example.com/",
    "https://vendor.example/",
    "https://.vendor.example/",
    "http://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "https://127.0.0.1:9000/",
    "http://127.0.0.1:9000@127.0.0.1:PORT/",
    "http://127.0.0.1:9000.evil.example/",
    "http://127.0.0.1:90000/",
    "http://127.0.0.1/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://localhost:PORT/",
    "https://localhost:PORT/",
    "http://localhost.:PORT/",
    "http://LOCALHOST:PORT/",
    "http://localhost.localdomain:PORT/",
    "https://[::1]/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "https://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://0:PORT/",
    "https://0/",
    "http://0.0.0.0:PORT/",
    "http://2130706433:PORT/",
    "https://2130706433/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "https://0x7f000001/",
    "http://017700000001:PORT/",
    "https://0177.0.0.1/",
    "http://127.000.000.001:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "https://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "http://metadata.google.internal/",
    "https://oapi。example。com.evil.example/",
    "https://оapi.example.com/",
    "https://xn--api-fed.example.com/",
    "https://oapi.example.com%2eevil.example/",
    "https://oapi.example.com%00.evil.example/",
    "https://oapi.example.com\t.evil.example/",
    "https://oapi.example.com\r\nHost: evil.example/",
    "ftp://oapi.example.com/",
    "gopher://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "//oapi.example.com/",
    "//127.0.0.1:PORT/",
    "oapi.example.com",
    "javascript:alert(1)",
    "https://",
    "",
    "https://oapi.example.com:notaport/",
]


@contextlib.asynccontextmanager
async def canary() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that must not be called: its port, and the calls that came."""
    hits: list[str] = []

    async def hit(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", hit)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield str(runner.addresses[0][1]), hits
    finally:
        await runner.cleanup()


async def test_sixty_addresses_that_lead_elsewhere_reach_nobody() -> None:
    """S12: refused before anything is connected to, and for good."""
    assert len(FOREIGN) >= 60
    async with canary() as (port, hits):
        for url in FOREIGN:
            with pytest.raises(SendError) as caught:
                await outbound.call_foreign(
                    "POST", url.replace("PORT", port), hosts=HOSTS, json={"token": "secret"}
                )
            assert caught.value.permanent, url
        assert hits == []


class Rebinding(AbstractResolver):
    """A name server that gives a public address first and an inner one ever after."""

    def __init__(self, *first: str) -> None:
        self.first = list(first)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self.first if self.asked == 1 else ["127.0.0.1"]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_is_asked_for_once_and_its_address_is_the_one_called() -> None:
    """DNS rebinding: what was looked at is what is connected to."""
    names = Rebinding("93.184.216.34")
    pinned = await outbound.PublicResolver(names).resolve("oapi.example.com", 443)
    assert [one["host"] for one in pinned] == ["93.184.216.34"]
    assert names.asked == 1
    with pytest.raises(OSError, match="not public"):  # the next call looks again
        await outbound.PublicResolver(names).resolve("oapi.example.com", 443)
    mixed = Rebinding("93.184.216.34", "10.0.0.1")
    with pytest.raises(OSError, match="not public"):
        await outbound.PublicResolver(mixed).resolve("oapi.example.com", 443)


async def test_a_name_that_leads_inside_reaches_nobody() -> None:
    async with canary() as (port, hits):
        connector = aiohttp.TCPConnector(
            resolver=outbound.PublicResolver(Rebinding("127.0.0.1")), use_dns_cache=False
        )
        async with aiohttp.ClientSession(connector=connector) as http:
            with pytest.raises(SendError, match="not reached"):
                await outbound.call(http, "POST", f"http://oapi.example.com:{port}/")
        assert hits == []


async def test_a_redirect_inside_reaches_nobody() -> None:
    async with canary() as (port, hits):

        async def away(_request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{port}/in"})

        app = web.Application()
        app.router.add_route("*", "/away", away)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        for method in ("GET", "POST"):
            answer = await outbound.call_foreign(method, f"{origin}/away", hosts=[origin])
            assert answer.status == 302
        await runner.cleanup()
        assert hits == []


@pytest.mark.parametrize("url", FOREIGN)
def test_addresses_that_are_not_on_the_list_are_never_called(url: str) -> None:
    """S12."""
    with pytest.raises(SendError) as caught:
        outbound.check_foreign(url, HOSTS)
    assert caught.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        "https://oapi.example.com/robot?session=1",
        "https://OAPI.example.com/robot",
        "https://eu.smba.vendor.example/v3/",
        "http://127.0.0.1:9000/anything",
    ],
)
def test_addresses_on_the_list_are(url: str) -> None:
    assert outbound.check_foreign(url, HOSTS).path


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        *(
            (inside, False)
            for inside in (
                "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
                "100.64.0.1", "0.0.0.0",  # noqa: S104
                "224.0.0.1", "255.255.255.255", "::1", "::",
                "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
                "2002:7f00:1::", "localhost", "2130706433", "",
            )
        ),
    ],
)  # fmt: skip
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert outbound.is_public(address) is public


async def test_a_listed_name_that_leads_inside_is_not_called() -> None:
    """As a rebinding name server would have it: the name is fine, its address is our own."""
    with pytest.raises(OSError, match="not public"):
        await outbound.PublicResolver().resolve("localhost", 443)


async def test_redirects_and_floods_of_a_vendor_are_not_followed() -> None:
    async def away(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/inside"})

    async def flood(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (outbound.MAX_ANSWER_BYTES + 1))

    app = web.Application()
    app.router.add_post("/away", away)
    app.router.add_post("/flood", flood)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    answer = await outbound.call_foreign("POST", f"{origin}/away", hosts=[origin], json={})
    assert answer.status == 302
    with pytest.raises(SendError, match="too large"):
        await outbound.call_foreign("POST", f"{origin}/flood", hosts=[origin], json={})
    await runner.cleanup()
