from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import unquote

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, dingtalk
from bot.channels.channel import Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import NOW, Vendor, request, vendor

SECRET = "APPSECRET"
HOOK = "https://oapi.dingtalk.com/robot/sendBySession?session=SESSION"
BUTTONS = (
    Button(title="Track & trace", payload='/answer{"id": "a&b"}'),
    Button(title="No", payload="/no"),
)


def channel(**settings: Any) -> dingtalk.DingTalk:
    keys = {"app_key": "ding1", "app_secret": SECRET}
    opened = catalogue.open_one("dingtalk", keys | settings)
    assert isinstance(opened, dingtalk.DingTalk)
    return opened


usual = functools.cache(channel)  # for what is pure


def message(**values: Any) -> dict[str, Any]:
    said = {
        "msgtype": "text",
        "text": {"content": " 你好"},
        "msgId": "msg1",
        "createAt": 1613630252678,
        "conversationType": "1",
        "conversationId": "cid1",
        "senderId": "$:LWCP1",
        "senderStaffId": "u1",
        "robotCode": "dingrobot",
        "sessionWebhook": HOOK,
        "sessionWebhookExpiredTime": int(NOW * 1000) + 5_400_000,
    }
    return said | values


def signed(body: bytes, *, at: float = NOW, secret: str = SECRET) -> Request:
    stamp = str(int(at * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return request(body, {"timestamp": stamp, "sign": base64.b64encode(digest).decode()})


def received(said: object) -> Received:
    req = signed(orjson.dumps(said))
    usual().verify(req)
    return usual().parse(req)


def test_a_text_loses_its_first_space() -> None:
    found = received(message())
    (said,) = found.messages
    assert (said.account, said.sender, said.text) == ("dingrobot", "$:LWCP1", "你好")
    assert said.dedupe_key == "msg1"
    assert said.address == {"webhook": HOOK, "until_ms": str(int(NOW * 1000) + 5_400_000)}


def test_the_vendors_library_reads_the_same() -> None:
    from dingtalk_stream import ChatbotMessage

    theirs = ChatbotMessage.from_dict(message(conversationType="2"))
    (ours,) = received(message(conversationType="2")).messages
    assert ours.text == theirs.text.content.strip()
    assert ours.dedupe_key == theirs.message_id
    assert ours.account == theirs.robot_code
    assert ours.sender == f"{theirs.conversation_id}:{theirs.sender_id}"
    assert ours.address["webhook"] == theirs.session_webhook
    assert ours.address["until_ms"] == str(theirs.session_webhook_expired_time)


def test_in_a_group_each_person_has_a_conversation() -> None:
    (said,) = received(message(conversationType="2")).messages
    assert said.sender == "cid1:$:LWCP1"


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("richText", {"richText": [{"text": "a"}, {"downloadCode": "x"}, {"text": "b"}]}, "ab"),
        ("richText", {"richText": [{"downloadCode": "x"}]}, "🖼️"),
        ("audio", {"recognition": "在吗"}, "在吗"),
        ("picture", {}, "🖼️"),
        ("file", {}, "📎"),
        ("richText", 7, "🖼️"),
    ],
)
def test_other_kinds_of_messages(kind: str, content: object, text: str) -> None:
    (said,) = received(message(msgtype=kind, content=content)).messages
    assert said.text == text


@pytest.mark.parametrize("missing", ["senderId", "sessionWebhook"])
def test_what_is_no_message_gives_nothing(missing: str) -> None:
    assert received(message(**{missing: None})).messages == ()


@pytest.mark.parametrize(
    "hook",
    [
        "http://oapi.dingtalk.com/robot",
        "https://oapi.dingtalk.com:8443/robot",
        "https://oapi.dingtalk.com.evil.example/robot",
        "https://evil.example/robot",
        "https://oapi.dingtalk.com@evil.example/",
        "https://user@oapi.dingtalk.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "//oapi.dingtalk.com/",
        "oapi.dingtalk.com",
        "https://[::ffff:127.0.0.1]/",
        "https://xn--oapi.dingtalk.com/",
        "https://oapi。dingtalk。com.evil.example/",
    ],
)
async def test_an_address_of_somebody_else_is_refused_twice(hook: str) -> None:
    with pytest.raises(errors.BadRequest, match="sessionWebhook"):
        received(message(sessionWebhook=hook))
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SendError) as caught:
            await channel().send({}, {"webhook": hook, "until_ms": ""}, key="k", http=http)
    assert caught.value.permanent


def test_forged_and_stale_requests() -> None:
    good = signed(b"{}")
    headers = dict(good.headers)
    for bad in (
        request(b"{}"),
        request(b"{}", headers | {"sign": "ü"}),
        request(b"{}", headers | {"sign": ""}),
        request(b"{}", headers | {"timestamp": headers["timestamp"] + "0"}),
        signed(b"{}", secret="other"),
        signed(b"{}", at=NOW - 3601),
        signed(b"{}", at=NOW + 3601),
    ):
        with pytest.raises(errors.Forged):
            usual().verify(bad)
    usual().verify(signed(b"{}", at=NOW - 3599))


def test_a_stamp_that_is_no_number_is_forged_even_if_signed() -> None:
    for stamp in ("now", "-1", "1e12", "１２３", "9" * 400):
        signature = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256)
        sign = base64.b64encode(signature.digest()).decode()
        with pytest.raises(errors.Forged):
            usual().verify(request(b"{}", {"timestamp": stamp, "sign": sign}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(message())), json_values))
def test_messages_of_any_shape_raise_nothing_but_bad_request(values: dict[str, Any]) -> None:
    with contextlib.suppress(errors.BadRequest):
        usual().parse(signed(json.dumps(message() | values).encode()))


@given(st.binary(max_size=99))
def test_bodies_of_any_bytes_raise_nothing_but_bad_request(body: bytes) -> None:
    with contextlib.suppress(errors.BadRequest):
        usual().parse(signed(body))


def test_choices_become_a_card_whose_buttons_say_their_title() -> None:
    asked = BotMessage(text="Which *one*?\nThis:", buttons=BUTTONS)
    (piece,) = usual().render([asked], {})
    card = piece["actionCard"]
    assert card["text"] == "Which \\*one\\*?\n\nThis:"
    assert card["title"] == "Please choose:"
    head, _, content = card["btns"][0]["actionURL"].partition("?content=")
    assert head == "dtmd://dingtalkclient/sendMessage"
    assert unquote(content) == "Track & trace"
    assert "&" not in content
    (piece,) = usual().render([BotMessage(text="Which?", buttons=BUTTONS * 6)], {})
    assert piece["text"]["content"].endswith("\n12. No")


def test_long_texts_are_split() -> None:
    pieces = usual().render([BotMessage(text="字" * 13_000)], {})
    assert [len(piece["text"]["content"]) for piece in pieces] == [6000, 6000, 1000]


async def sent(side: Vendor, until_ms: float | str = "") -> None:
    made = channel(reply_hosts=(side.url,))
    address = {"webhook": side.url + "/robot/sendBySession?session=S", "until_ms": str(until_ms)}
    async with aiohttp.ClientSession() as http:
        (piece,) = made.render([BotMessage(text="你好")], address)
        await made.send(piece, address, key="k", http=http)


async def test_sending_goes_to_the_address_of_the_message() -> None:
    async with vendor() as side:
        side.say(200, {"errcode": 0, "errmsg": "ok"})
        await sent(side, int(time.time() * 1000) + 1000)
    (call,) = side.ledger
    assert (call.path, call.query) == ("/robot/sendBySession", {"session": "S"})
    assert call.json() == {"msgtype": "text", "text": {"content": "你好"}}


async def test_an_address_that_has_expired_is_not_called() -> None:
    async with vendor() as side:
        with pytest.raises(SendError, match="expired") as caught:
            await sent(side, int(time.time() * 1000) - 1000)
    assert caught.value.permanent
    assert side.ledger == []


@pytest.mark.parametrize(
    ("status", "data", "permanent", "wait_s"),
    [
        (200, {"errcode": 130101, "errmsg": "send too fast S"}, False, 60.0),
        (200, {"errcode": 310000}, True, None),
        (200, {"errcode": 7}, False, None),
        (200, {"errcode": "0"}, False, None),
        (200, None, False, None),
        (302, None, False, None),
        (500, None, False, None),
    ],
)
async def test_refusals(status: int, data: object, permanent: bool, wait_s: float | None) -> None:
    async with vendor() as side:
        side.say(status, data)
        with pytest.raises(SendError) as caught:
            await sent(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert "session" not in str(caught.value)


def test_an_empty_secret_is_told_at_the_start() -> None:
    with pytest.raises(errors.ConfigError, match="app_secret"):
        channel(app_secret="")
