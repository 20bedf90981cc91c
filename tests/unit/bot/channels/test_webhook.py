from __future__ import annotations

import time

import aiohttp
import orjson
import pytest
import standardwebhooks

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Inbound, SendError
from bot.channels.standard import Keys
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

# From https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STAMP = 1614265330
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(STAMP),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
NEWER = "whsec_" + "bmV3ZXIga2V5IG9mIDMyIGJ5dGVzLCBpbmRlZWQhISE="


def channel(url: str = "https://shop.example/hook", *secrets: str) -> Channel:
    return catalogue.open_one("webhook", {"url": url, "secrets": list(secrets or [SECRET])})


def test_the_official_vector() -> None:
    channel().verify(request(BODY, HEADERS, now=STAMP + 10))
    signed = Keys.of([SECRET]).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", STAMP, BODY)
    assert signed == HEADERS


def test_while_a_key_is_replaced_both_are_good() -> None:
    both = channel("https://shop.example/", NEWER, SECRET)
    both.verify(request(BODY, HEADERS, now=STAMP))
    signed = Keys.of([NEWER, SECRET]).sign("msg_1", STAMP, BODY)
    assert signed["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, NEWER):
        channel("https://shop.example/", secret).verify(request(BODY, signed, now=STAMP))


@pytest.mark.parametrize(
    "signature", ["v1a," + "A" * 44, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,"]
)
def test_signatures_of_another_kind_do_not_count(signature: str) -> None:
    right = HEADERS["webhook-signature"]
    channel().verify(
        request(BODY, HEADERS | {"webhook-signature": f"{signature} {right}"}, now=STAMP)
    )
    with pytest.raises(errors.Forged):
        channel().verify(request(BODY, HEADERS | {"webhook-signature": signature}, now=STAMP))


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "short", "é" * 40])
def test_a_secret_that_is_none_is_told_at_start_and_not_shown(secret: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        channel("https://shop.example/", secret)
    assert secret.removeprefix("whsec_") not in str(caught.value) or secret == "whsec_"


def read(data: object, kind: str = "message") -> list[Inbound]:
    body = orjson.dumps({"type": kind, "data": data})
    return list(channel().parse(request(body, {"webhook-id": "msg_1"})).messages)


def test_a_message() -> None:
    data = {
        "sender": "u1",
        "text": "/affirm",
        "title": "是的",
        "account": "shop",
        "metadata": {"a": 1},
    }
    assert read(data) == [
        Inbound(
            account="shop",
            sender="u1",
            text="/affirm",
            title="是的",
            dedupe_key="msg_1",
            metadata={"a": 1},
            address={"recipient_id": "u1"},
        )
    ]


def test_events_of_another_type_hold_nothing() -> None:
    assert read({"sender": "u1", "text": "hi"}, kind="order.shipped") == []


@pytest.mark.parametrize("data", [None, {}, {"sender": "u1"}, {"sender": "u1", "text": " "}])
def test_a_message_without_sender_or_text_is_told_so(data: object) -> None:
    with pytest.raises(errors.BadRequest, match="sender"):
        read(data)


def test_pieces_have_rasas_shape() -> None:
    message = BotMessage(
        text="Sure?",
        buttons=(Button(title="Yes", payload="/affirm"),),
        image="https://i.example/a.png",
        custom={"a": 1},
    )
    assert channel().render([message], {}) == [
        {"text": "Sure?", "buttons": [{"title": "Yes", "payload": "/affirm"}]},
        {"image": "https://i.example/a.png"},
        {"custom": {"a": 1}},
    ]


async def deliver(side: Vendor) -> None:
    async with aiohttp.ClientSession() as http:
        made = channel(side.url + "/hook", SECRET, NEWER)
        await made.send({"text": "你好"}, {"recipient_id": "u1"}, key="turn.1", http=http)


async def test_the_official_library_accepts_what_is_sent_and_sees_repetitions() -> None:
    async with vendor() as side:
        await deliver(side)
        await deliver(side)
    ids = set()
    for call in side.ledger:
        old, new = (
            standardwebhooks.Webhook(secret).verify(call.body, dict(call.headers))
            for secret in (SECRET, NEWER)
        )
        assert old == new
        assert old["type"] == "reply"
        assert old["data"] == {"recipient_id": "u1", "text": "你好"}
        assert abs(time.time() - float(call.headers["webhook-timestamp"])) < 60
        ids.add(call.headers["webhook-id"])
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("status", "permanent"), [(410, True), (404, False), (302, False), (500, False)]
)
async def test_only_gone_is_for_ever(status: int, permanent: bool) -> None:
    async with vendor() as side:
        side.say(status)
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert caught.value.permanent is permanent
