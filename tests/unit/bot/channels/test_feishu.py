from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import os
from typing import Any

import aiohttp
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, feishu
from bot.channels.channel import Delivery, Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import NOW, Vendor, request, vendor

KEY, TOKEN = "test key", "verification"
BUTTONS = (Button(title="Track", payload="/track"), Button(title="No", payload="/no"))
ADDRESS = {"message_id": "om_1", "chat": ""}


def channel(**settings: Any) -> feishu.Feishu:
    keys = {
        "app_id": "cli_1",
        "app_secret": "SECRET",
        "encrypt_key": KEY,
        "verification_token": TOKEN,
    }
    opened = catalogue.open_one("feishu", keys | settings)
    assert isinstance(opened, feishu.Feishu)
    return opened


def encrypt(plain: bytes, key: str = KEY) -> str:
    iv = os.urandom(16)
    padding = 16 - len(plain) % 16
    aes = algorithms.AES(hashlib.sha256(key.encode()).digest())
    sealing = Cipher(aes, modes.CBC(iv)).encryptor()
    raw = sealing.update(plain + bytes([padding]) * padding) + sealing.finalize()
    return base64.b64encode(iv + raw).decode()


def signed(body: bytes, *, at: float = NOW, key: str = KEY) -> Request:
    stamp, nonce = str(int(at)), "n1"
    signature = hashlib.sha256((stamp + nonce + key).encode() + body).hexdigest()
    headers = {
        "X-Lark-Request-Timestamp": stamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": signature,
    }
    return request(body, headers)


def sealed(event: object, **how: Any) -> Request:
    plain = event if isinstance(event, bytes) else orjson.dumps(event)
    return signed(orjson.dumps({"encrypt": encrypt(plain)}), **how)


def message(content: str = '{"text": "你好"}', **values: Any) -> dict[str, Any]:
    said = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "chat_type": "p2p",
        "message_type": "text",
        "content": content,
    }
    header = {
        "event_id": "ev1",
        "event_type": "im.message.receive_v1",
        "token": TOKEN,
        "app_id": "cli_1",
    }
    sender = {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"}
    return {
        "schema": "2.0",
        "header": header,
        "event": {"sender": sender, "message": said | values},
    }


usual = functools.cache(channel)  # for what is pure


def received(req: Request) -> Received:
    made = usual()
    made.verify(req)
    return made.parse(req)


def test_the_vendors_example_of_decryption() -> None:
    body = {"encrypt": "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}
    made = channel()
    # "hello world" is no JSON, which shows that it was decrypted.
    with pytest.raises(errors.BadRequest, match="no JSON") as caught:
        made.parse(request(orjson.dumps(body)))
    assert "decrypted" not in str(caught.value)
    assert feishu.decrypted(body["encrypt"], KEY) == b"hello world"


@pytest.mark.parametrize("sealed_it", [True, False])
def test_the_url_check_needs_only_the_token(sealed_it: bool) -> None:
    check = orjson.dumps({"challenge": 'a"b', "token": TOKEN, "type": "url_verification"})
    body = orjson.dumps({"encrypt": encrypt(check)}) if sealed_it else check
    found = received(request(body))
    assert orjson.loads(found.answer.body) == {"challenge": 'a"b'}
    assert found.answer.content_type == "application/json"
    wrong = check.replace(TOKEN.encode(), b"guessed")
    with pytest.raises(errors.Forged):
        channel().verify(request(wrong))


def test_a_text() -> None:
    (found,) = received(sealed(message())).messages
    assert (found.account, found.sender, found.text) == ("cli_1", "ou_1", "你好")
    assert found.dedupe_key == "ev1"
    assert found.address == ADDRESS


def test_in_a_group_the_mention_is_left_out_and_the_group_is_kept() -> None:
    mentions = [{"key": "@_user_1", "name": "Bot"}]
    content = '{"text": "@_user_1 where is it?"}'
    (found,) = received(sealed(message(content, chat_type="group", mentions=mentions))).messages
    assert (found.text, found.sender) == ("where is it?", "oc_1:ou_1")
    (card,) = channel().render([BotMessage(text="?", buttons=BUTTONS)], found.address)
    assert orjson.loads(card["content"])["elements"][1]["actions"][0]["value"]["chat"] == "oc_1"


def test_rich_text_is_read_and_pictures_get_a_sign() -> None:
    lines = [[{"tag": "text", "text": "one "}, {"tag": "a", "text": "two"}], [{"tag": "img"}]]
    post = orjson.dumps({"title": "T", "content": lines}).decode()
    assert received(sealed(message(post, message_type="post"))).messages[0].text == "T\none two"
    assert received(sealed(message("{}", message_type="image"))).messages[0].text == "🖼️"
    assert received(sealed(message("{}", message_type="media"))).messages[0].text == "🎬"


def pressed(value: object) -> dict[str, Any]:
    header = {"event_id": "ev2", "event_type": "card.action.trigger", "token": TOKEN}
    event = {
        "operator": {"open_id": "ou_1"},
        "action": {"tag": "button", "value": value},
        "context": {"open_message_id": "om_2", "open_chat_id": "oc_1"},
    }
    return {"schema": "2.0", "header": header | {"app_id": "cli_1"}, "event": event}


def test_a_button_gives_payload_and_title() -> None:
    value = {"payload": "/track", "title": "Track", "chat": "oc_1"}
    (found,) = received(sealed(pressed(value))).messages
    assert (found.text, found.title, found.sender) == ("/track", "Track", "oc_1:ou_1")
    assert found.address == {"message_id": "om_2", "chat": "oc_1"}
    assert received(sealed(pressed({"other": 1}))).messages == ()


def test_our_own_messages_and_other_events_give_nothing() -> None:
    own = message()
    own["event"]["sender"]["sender_type"] = "app"
    other = message()
    other["header"]["event_type"] = "im.chat.member.bot.added_v1"
    for event in (own, other, {"schema": "2.0"}, {"uuid": "v1", "event": {}}, {}):
        found = received(sealed(event))
        assert (found.messages, found.answer.body) == ((), b"{}")


def test_odd_but_authentic_values_are_not_lost() -> None:
    odd = b'{"schema":"2.0","header":' + orjson.dumps(message()["header"]) + b',"event":{"sender":'
    odd += b'{"sender_id":{"open_id":"ou_1"}},"message":{"message_id":"om_1","x":' + b"9" * 400
    odd += b',"message_type":"text","content":"{\\"text\\":\\"a\\\\ud800\\\\u0000b\\"}"}}}'
    (found,) = received(sealed(odd)).messages
    assert found.text == "a\ufffd\ufffdb"


def test_forged_and_stale_requests() -> None:
    good = sealed(message())
    body = good.body.replace(b"=", b"A", 1) if b"=" in good.body else good.body[:-2] + b" }"
    headers = dict(good.headers)
    wrong_token = message()
    wrong_token["header"]["token"] = "guessed"
    for bad in (
        request(good.body),
        request(body, headers),
        request(good.body, headers | {"X-Lark-Request-Nonce": "n2"}),
        request(good.body, headers | {"X-Lark-Signature": "ü"}),
        sealed(message(), key="other"),
        signed(orjson.dumps({"encrypt": encrypt(b"{}", "other")})),
        sealed(message(), at=NOW - 8 * 3600 - 1),
        sealed(message(), at=NOW + 8 * 3600 + 1),
        sealed(wrong_token),
        signed(b"\xff"),
        signed(b"[]"),
        signed(b'{"encrypt": "AAAA"}'),
    ):
        with pytest.raises(errors.Forged):
            channel().verify(bad)


@given(st.binary(max_size=200))
def test_parse_raises_nothing_but_bad_request(plain: bytes) -> None:
    for req in (sealed(plain), signed(plain)):
        with contextlib.suppress(errors.BadRequest):
            usual().parse(req)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["im.message.receive_v1", "card.action.trigger"]),
    st.dictionaries(
        st.sampled_from(["message", "sender", "operator", "action", "context"]), json_values
    ),
)
def test_events_of_any_shape_raise_nothing(kind: str, event: dict[str, Any]) -> None:
    header = {"event_type": kind, "token": TOKEN}
    plain = {"schema": "2.0", "header": header, "event": event}
    usual().parse(signed(json.dumps(plain).encode()))


def test_choices_become_a_card_and_many_a_list() -> None:
    (piece,) = channel().render([BotMessage(text="Which?", buttons=BUTTONS)], ADDRESS)
    assert piece["msg_type"] == "interactive"
    words, actions = orjson.loads(piece["content"])["elements"]
    assert words["text"] == {"tag": "plain_text", "content": "Which?"}
    assert actions["actions"][1]["value"] == {"payload": "/no", "title": "No", "chat": ""}
    (piece,) = channel().render([BotMessage(text="Which?", buttons=BUTTONS * 11)], ADDRESS)
    assert "\n22. No" in orjson.loads(piece["content"])["text"]


def test_a_long_text_is_split_and_its_choices_stay_with_it() -> None:
    long = BotMessage(text="字" * 25_000, buttons=BUTTONS)
    pieces = channel().render([long], ADDRESS)
    texts = [orjson.loads(piece["content"])["text"] for piece in pieces]
    assert [len(text) for text in texts[:2]] == [10_000, 10_000]
    assert texts[2].endswith("1. Track\n2. No")
    assert all(len(piece["content"].encode()) <= 150_000 for piece in pieces)


async def sent(side: Vendor, address: dict[str, Any] | None = None) -> None:
    async with aiohttp.ClientSession() as http:
        made = channel(api_url=side.url)
        (piece,) = made.render([BotMessage(text="你好")], ADDRESS)
        await made.send(piece, ADDRESS if address is None else address, key="k1", http=http)


TENANT = {"code": 0, "tenant_access_token": "t-1", "expire": 7200}


async def test_sending_replies_with_an_idempotency_key() -> None:
    async with vendor() as side:
        for _ in range(2):
            side.say(200, TENANT)
            side.say(200, {"code": 0})
            await sent(side)
    assert channel().delivery == Delivery.EXACTLY_ONCE
    fetch, reply, _, again = side.ledger
    assert fetch.json() == {"app_id": "cli_1", "app_secret": "SECRET"}
    assert reply.path == "/open-apis/im/v1/messages/om_1/reply"
    assert reply.headers["Authorization"] == "Bearer t-1"
    body = reply.json()
    assert orjson.loads(body["content"]) == {"text": "你好"}
    assert len(body["uuid"]) <= 50
    assert body == again.json()


async def test_an_expired_token_is_renewed_once() -> None:
    async with vendor() as side:
        side.say(200, TENANT)
        side.say(400, {"code": 99991663})
        side.say(200, TENANT | {"tenant_access_token": "t-2"})
        side.say(200, {"code": 0})
        await sent(side)
    assert side.ledger[3].headers["Authorization"] == "Bearer t-2"


@pytest.mark.parametrize(
    ("status", "data", "permanent", "wait_s"),
    [
        (400, {"code": 230011, "msg": "t-1"}, True, None),
        (429, {"code": 99991400}, False, 1.0),
        (200, {"code": 230020}, False, 1.0),
        (200, {"code": 5}, False, None),
        (200, None, False, None),
        (500, None, False, None),
        (404, None, True, None),
    ],
)
async def test_refusals(status: int, data: object, permanent: bool, wait_s: float | None) -> None:
    async with vendor() as side:
        side.say(200, TENANT)
        side.say(status, data)
        with pytest.raises(SendError) as caught:
            await sent(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert "t-1" not in str(caught.value)


@pytest.mark.parametrize("message_id", ["", "../x", "om/1", None, "om_1?x"])
async def test_an_odd_id_is_no_way_to_another_call(message_id: object) -> None:
    async with vendor() as side:
        with pytest.raises(SendError, match="no id") as caught:
            await sent(side, {"message_id": message_id})
    assert caught.value.permanent
    assert side.ledger == []


async def test_the_check_and_wrong_credentials() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(api_url=side.url)
        side.say(200, {"code": 10014, "msg": "app secret invalid SECRET"})
        (finding,) = await made.check(webhook_url="https://b.example", http=http)
        assert finding.what == "No access token: code 10014 for a token"
        side.say(200, TENANT)
        (finding,) = await made.check(webhook_url="https://b.example", http=http)
        assert finding.ok


def test_an_empty_key_is_told_at_the_start() -> None:
    for name in ("encrypt_key", "verification_token"):
        with pytest.raises(errors.ConfigError, match="empty"):
            channel(**{name: ""})
