"""S23: the secrets of every channel, at the most talkative level, while everything goes wrong.

Vendors refuse and repeat the secrets, requests are forged and torn, the engine and the database
fail. Nothing of it is to be found in what the server writes, shows or answers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from pydantic import BaseModel, SecretStr
from yarl import URL

from bot import log
from bot.channels import catalogue
from bot.domain import Message
from bot.stress import ledger
from bot.web.keys import GATEWAY
from tests.contract import sealed_samples
from tests.contract.samples import SAMPLES, Sample
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER
from tests.unit.bot.gateway_app import Running, running, until

WORDS = "VisitorsOwnWords"
PLACES = ("api_url", "login_url", "keys_url")
KEY = "session-key-of-32-characters-long"
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "socketio": {
        "session_key": KEY,
        "jwt_key": f"jwt-{KEY}",
        "allowed_origins": ["https://shop.example"],
    },
    "wecom_kf": {
        "corp_id": RECEIVER,
        "secret": "kf-secret-canary",
        "token": "kf-token-canary",
        "aes_key": AES_KEY,
        "accounts": ["wk1"],
    },
}


def section(kind: str, given: Mapping[str, Any], vendor: str) -> dict[str, Any]:
    """The settings of a channel whose vendor is our ledger, wherever that can be said."""
    fields = catalogue.module_of(kind).Settings.model_fields
    made: dict[str, Any] = dict(given) | {name: vendor for name in PLACES if name in fields}
    if "url" in fields:
        made["url"] = f"{vendor}/webhook"
    if kind == "dingtalk":
        made["reply_hosts"] = [vendor]
    if kind == "teams":
        made["service_hosts"] = [vendor]
    return {"kind": kind, **made}


def secrets_in(value: object) -> Iterator[str]:
    """Every secret within a value of settings."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    inner: Any = ()
    if isinstance(value, BaseModel):
        inner = (getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    for part in inner:
        yield from secrets_in(part)


def spellings(secret: str) -> set[str]:
    """A secret as it may be written."""
    quoted = urllib.parse.quote(secret, safe="")
    return {secret, quoted, secret.removeprefix("whsec_")} - {""}


def towards(vendor: str, sample: Sample) -> Sample:
    """The sample, with a body that asks for answers at our ledger where it names an address."""
    body = sample.body.replace(b"https://oapi.dingtalk.com", vendor.encode())
    if sample.kind == "teams":
        activity = orjson.loads(body)
        body = orjson.dumps(activity | {"serviceUrl": vendor})
    return dataclasses.replace(sample, body=body)


async def provoke(it: Running, sample: Sample) -> str:
    """Send what is forged, what is torn and what is true; gives what was answered."""
    said = ""
    place = URL(f"{it.url}/webhooks/{sample.kind}/webhook")
    true = sample.request(now=time.time())
    for headers, body in (
        (true.headers, true.body),
        (true.headers, true.body[:-3]),
        ({}, true.body),
        ({"Content-Encoding": "gzip", **true.headers}, true.body),
    ):
        url = place.with_query({**true.query})
        try:
            timeout = aiohttp.ClientTimeout(total=1.0)
            async with it.http.post(url, data=body, headers=headers, timeout=timeout) as answer:
                said += await answer.text() + str(answer.headers)
        except (TimeoutError, aiohttp.ClientError) as cause:
            said += type(cause).__name__
    return said


async def torn(it: Running, secret: str) -> None:
    """Bytes that are no HTTP, with a secret in them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(it.url).port)
    writer.write(f"GET /webhooks/x?token={secret} {'x' * 70_000} \x01\r\n\r\n".encode())
    writer.write_eof()
    await reader.read()
    writer.close()


def broken(message: Message) -> float:
    """An engine that fails with a visitor's words on its lips."""
    raise RuntimeError(message.text)


async def test_no_secret_is_seen_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [*SAMPLES, *sealed_samples.SAMPLES]
    given = {one.kind: one.settings for one in samples} | dict(OTHERS)
    assert set(given) == set(catalogue.TABLE)
    log.configure(level="debug", log_format="json")
    async with ledger.vendor() as book:
        sections = {kind: section(kind, its, book.url) for kind, its in given.items()}
        models = [
            catalogue.module_of(kind).Settings.model_validate(
                {name: value for name, value in its.items() if name != "kind"}
            )
            for kind, its in sections.items()
        ]
        canaries = {s for model in models for one in secrets_in(model) for s in spellings(one)}
        assert len(canaries) >= 30
        repeated = " ".join(sorted(canaries))
        book.behaviour = lambda _arrival: web.Response(status=500, text=repeated)
        async with running(
            tmp_path, book=book, channels=sections, log_level="debug", limits={"drain_s": 0.0}
        ) as it:
            said = ""
            for sample in samples:
                sample.prepare(it.app[GATEWAY].channels[sample.kind])
                said += await provoke(it, towards(book.url, sample))
            await until(lambda: len(book.refused) >= 5)
            it.engine.pace = broken
            status, body = await it.post("/webhooks/rest/webhook", {"message": WORDS})
            assert status == 500
            said += str(body)
            for secret in sorted(canaries)[:3]:
                await torn(it, secret)
            await it.parts.store.close()
            status, body = await it.post("/webhooks/rest/webhook", {"message": WORDS})
            said += str(body)
            for path in ("/metrics", "/openapi.json", "/readyz", "/status", "/nothing"):
                async with it.http.get(it.url + path) as answer:
                    said += await answer.text()
            shown = it.parts.settings.model_dump_json() + repr(it.parts.settings)
            shown += "".join(map(repr, it.app[GATEWAY].channels.values()))
    logged = capsys.readouterr()
    written = logged.out + logged.err + said
    assert [one for one in sorted(canaries) if one in shown] == []
    assert "send_postponed" in written
    assert "request_unreadable" in written
    assert [one for one in sorted(canaries) if one in said] == []
    assert [line for line in written.splitlines() if any(one in line for one in canaries)] == []
