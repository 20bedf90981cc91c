"""What strangers may try: forged and oversized requests, floods, addresses that lead inside."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot import log
from bot.channels import outbound
from bot.channels.channel import SendError
from bot.channels.standard import Keys
from bot.records import Backlog
from bot.stress import ledger, vendors
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
    """S17: 40 MB in 40 kB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(40):
            file.write(b"\0" * 2**20)
    headers = {"Content-Encoding": "gzip"}
    async with running(tmp_path) as it:
        for place in (PLACE, "/webhooks/rest/webhook"):
            async with it.http.post(
                it.url + place, data=packed.getvalue(), headers=headers
            ) as answer:
                assert answer.status in (400, 413), place


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
    "https://evil.example\\@oapi.example.com/",
    "http://127.0.0.1:9001/",
    "https://127.0.0.1:9000/",
    "http://127.0.0.1/",
    "http://localhost:9000/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://oapi。example。com.evil.example/",
    "ftp://oapi.example.com/",
    "file:///etc/passwd",
    "//oapi.example.com/",
    "oapi.example.com",
    "javascript:alert(1)",
    "https://",
    "",
    "https://oapi.example.com:notaport/",
]


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


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_no_secret_reaches_the_log_the_metrics_or_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """S23: all channels, forced failures, and visitors' words at info."""
    log.configure(level=level, log_format="json")
    canary = "VisitorsOwnWords"
    async with ledger.vendor() as book:
        book.behaviour = lambda _: web.Response(status=500, text=vendors.TOKEN)
        async with running(tmp_path, book=book, log_level=level) as it:
            await it.send("telegram", "1", 1, canary)
            await it.send("webhook", "1", 1, canary)
            async with it.http.post(it.url + PLACE, data=BODY, headers={}) as answer:
                said = await answer.text()
            await until(lambda: len(book.refused) >= 2)
            await asyncio.sleep(0.05)
            async with it.http.get(f"{it.url}/metrics") as answer:
                said += await answer.text()
            dump = it.parts.settings.model_dump_json()
        async with running(tmp_path, book=book, log_level=level) as it:
            await it.app.shutdown()
    logged = capsys.readouterr()
    written = logged.err + logged.out + said
    assert "send_postponed" in written
    for secret in (vendors.TOKEN, vendors.SECRET, vendors.SECRET[6:], f"1:{vendors.TOKEN}"):
        assert secret not in written
    if level == "info":
        assert canary not in written
    assert dump
