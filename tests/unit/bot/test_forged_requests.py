"""S1 over HTTP, for every kind of channel that has a webhook: twelve ways to forge a request.

Each hears the same words, writes no row and leaves no error in the log; the true request, sent
twice, writes one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import orjson
import pytest
from multidict import CIMultiDict
from yarl import URL

from bot import log
from bot.channels import catalogue
from bot.channels.channel import Request
from bot.records import Backlog
from bot.web.keys import GATEWAY
from tests.contract import sealed_samples
from tests.contract.samples import SAMPLES, Sample
from tests.unit.bot.channels.test_wecom_kf import BELL
from tests.unit.bot.gateway_app import Running, running

PLACE = "/webhooks/sample/webhook"  # as the samples' vendors sign it
NOWHERE = "http://127.0.0.1:9"
WECOM = next(one for one in sealed_samples.SAMPLES if one.kind == "wecom")
# A notice instead of a message: what it asks for is fetched.
KF = dataclasses.replace(
    WECOM,
    kind="wecom_kf",
    settings={k: v for k, v in WECOM.settings.items() if k != "agent_id"} | {"api_url": NOWHERE},
    other_settings={k: v for k, v in WECOM.other_settings.items() if k != "agent_id"},
    body=BELL.encode(),
)
NUMBERED = b'{"sender": "u1", "message": "Where is my parcel?", "message_id": "m1"}'
ALL = [
    dataclasses.replace(one, body=NUMBERED) if one.kind == "callback" else one
    for one in (*SAMPLES, *sealed_samples.SAMPLES, KF)
]
NO_WEBHOOK = {"socketio"}  # tests/unit/bot/channels/test_sio.py
NO_MESSAGE = {"wecom_kf"}

Forgery = Callable[[Sample, Request], Request | None]


def changed(sample: Sample, true: Request, value: str | None) -> Request:
    """The request with another signature, or none."""
    if sample.in_query:
        query = {n: v for n, v in true.query.items() if n != sample.signature}
        query |= {} if value is None else {sample.signature: value}
        return dataclasses.replace(true, query=query)
    headers = CIMultiDict(true.headers)
    headers.popall(sample.signature, None)
    if value is not None:
        headers[sample.signature] = value
    return dataclasses.replace(true, headers=headers)


def given(sample: Sample, true: Request) -> str:
    return (true.query if sample.in_query else true.headers)[sample.signature]


def other_bytes(sample: Sample, true: Request) -> Request | None:
    """The same JSON written in another way; of use where the body is signed."""
    if not sample.covers_body or sample.form != "json":
        return None
    body = orjson.dumps(orjson.loads(true.body), option=orjson.OPT_INDENT_2)
    return dataclasses.replace(true, body=body)


def flipped(sample: Sample, true: Request) -> Request:
    value = given(sample, true)
    middle = len(value) // 2
    return changed(sample, true, value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1 :])


def doubled(sample: Sample, true: Request) -> Request:
    if sample.in_query:
        return changed(sample, true, given(sample, true) * 2)
    headers = CIMultiDict(true.headers)
    headers.add(sample.signature, given(sample, true))
    return dataclasses.replace(true, headers=headers)


def signed_at(seconds_from_now: int) -> Forgery:
    def forged(sample: Sample, _true: Request) -> Request | None:
        shift = seconds_from_now * (sample.window_s + 2)
        return sample.request(now=time.time() + shift) if sample.timed else None

    return forged


def without(sample: Sample, true: Request) -> Request:
    bare = changed(sample, true, None)
    return dataclasses.replace(bare, headers=CIMultiDict())


FORGERIES: dict[str, Forgery] = {
    "no header": without,
    "an empty one": lambda sample, true: changed(sample, true, ""),
    "one bit flipped": flipped,
    "the body serialised anew": other_bytes,
    "too old": signed_at(-1),
    "too new": signed_at(1),
    "not ASCII": lambda sample, true: changed(sample, true, "sha256=é"),
    "10 kB": lambda sample, true: changed(sample, true, "A" * 10_000),
    "twice": doubled,
    "cut short": lambda sample, true: changed(sample, true, given(sample, true)[:-6]),
    "nothing but a scheme": lambda sample, true: changed(sample, true, "v1,"),
}


async def send(it: Running, request: Request) -> tuple[int, bytes]:
    url = URL(it.url + PLACE).with_query(dict(request.query))
    async with it.http.post(url, data=request.body, headers=request.headers) as answer:
        return answer.status, await answer.read()


def test_every_kind_is_here() -> None:
    assert {sample.kind for sample in ALL} | NO_WEBHOOK == set(catalogue.TABLE)


@pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.kind)
async def test_forged_requests_hear_the_same_words_and_write_nothing(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(level="info", log_format="json")
    section = {"kind": sample.kind, **sample.settings}
    if sample.kind == "teams":
        section["keys_url"] = NOWHERE
    async with running(
        tmp_path,
        channels={"sample": section},
        takes_s=60.0,  # nothing is to be sent anywhere
        limits={"drain_s": 0.0},
        server={"public_url": "https://bot.example"},
        log_level="info",
    ) as it:
        sample.prepare(it.app[GATEWAY].channels["sample"])
        now = time.time()
        forged = {name: make(sample, sample.request(now=now)) for name, make in FORGERIES.items()}
        forged["another account's key"] = foreign(sample, now)
        for name, request in forged.items():
            if request is not None:
                assert await send(it, request) == (401, b"unauthorized"), name
        assert await it.parts.store.journal.backlog() == Backlog()
        true = sample.request(now=now)
        for request in (true, lower_case(true)):  # the second is a replay too
            with contextlib.suppress(TimeoutError):  # of a channel that answers in the response
                status, _ = await asyncio.wait_for(send(it, request), 1.0)
                assert status == (503 if sample.kind in NO_MESSAGE else status)
                assert status < 300 or sample.kind in NO_MESSAGE
        stored = (await it.parts.store.journal.backlog()).messages
        assert stored == (0 if sample.kind in NO_MESSAGE else 1)
    logged = capsys.readouterr()
    assert '"level": "error"' not in logged.out + logged.err
    assert "Traceback" not in logged.out + logged.err


def lower_case(request: Request) -> Request:
    headers = CIMultiDict((n.lower(), v) for n, v in request.headers.items())
    return dataclasses.replace(request, headers=headers)


def foreign(sample: Sample, now: float) -> Request:
    """A request whose signature is of another message: no key of ours made it for this one."""
    true = sample.request(now=now)
    return changed(sample, true, given(sample, true)[::-1])


async def test_more_than_a_header_may_hold_is_refused_without_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(level="info", log_format="json")
    async with running(tmp_path, log_level="info") as it:
        with contextlib.suppress(aiohttp.ClientError):
            headers = {"webhook-signature": "A" * 40_000}
            async with it.http.post(
                it.url + "/webhooks/webhook/webhook", data=b"{}", headers=headers
            ) as answer:
                assert answer.status == 400
        assert await it.parts.store.journal.backlog() == Backlog()
    assert "Traceback" not in capsys.readouterr().err
