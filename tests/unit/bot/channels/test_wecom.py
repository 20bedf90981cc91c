from __future__ import annotations

import contextlib
import functools
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, split, wecom
from bot.channels.channel import Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, envelope, sealed
from tests.unit.bot.channels.vendor import NOW, request, vendor

ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
BUTTONS = (Button(title="如何查询包裹", payload="/track"), Button(title="没有", payload="/no"))
ADDRESS = {"to": "zhang"}


def channel(**settings: Any) -> wecom.WeCom:
    keys = {"corp_id": RECEIVER, "secret": "SECRET", "token": TOKEN, "aes_key": AES_KEY}
    opened = catalogue.open_one("wecom", {"agent_id": 1000002} | keys | settings)
    assert isinstance(opened, wecom.WeCom)
    return opened


usual = functools.cache(channel)  # for what is pure


def received(req: Request) -> Received:
    made = usual()
    made.verify(req)
    return made.parse(req)


def event(**values: str) -> str:
    head = {"ToUserName": "ww1", "FromUserName": "zhang", "CreateTime": "1348831860"}
    everything = head | {"AgentID": "1000002"} | values
    inside = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in everything.items())
    return f"<xml>{inside}</xml>"


def url_check(signature: str = "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3") -> Request:
    query = {
        "msg_signature": signature,
        "timestamp": "1409659589",
        "nonce": "263014780",
        "echostr": ECHO,
    }
    return request(method="GET", query=query, now=1409659590)


def test_the_url_check_of_the_vendors_example_is_answered_bare() -> None:
    assert received(url_check()).answer.body == b"1616140317555161061"
    with pytest.raises(errors.Forged):
        channel().verify(url_check(signature="0" * 40))


def test_a_url_check_sealed_with_other_keys_is_forged() -> None:
    stamp, odd = str(int(NOW)), "bm90IHNlYWxlZA=="
    signature = envelope().signature(stamp, "n", odd)
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": "n", "echostr": odd}
    with pytest.raises(errors.Forged):
        channel().verify(request(method="GET", query=query))
    with pytest.raises(errors.BadRequest):
        channel().parse(request(method="GET", query=query))


def test_a_text() -> None:
    found = received(sealed(event(MsgType="text", Content="你好", MsgId="1234")))
    (message,) = found.messages
    assert (message.account, message.sender, message.text) == ("ww1:1000002", "zhang", "你好")
    assert message.dedupe_key == "1234:zhang:1348831860"
    assert message.address == ADDRESS
    assert found.answer.body == b""


def test_a_button_of_a_card_gives_payload_and_title() -> None:
    pressed = event(
        MsgType="event", Event="template_card_event", EventKey="/track\n如何查询", TaskId="t9"
    )
    (message,) = received(sealed(pressed)).messages
    assert (message.text, message.title) == ("/track", "如何查询")
    assert "t9" in message.dedupe_key


def test_the_apps_menu_gives_its_key_and_a_picture_a_sign() -> None:
    click = event(MsgType="event", Event="click", EventKey="/track")
    (message,) = received(sealed(click)).messages
    assert (message.text, message.title) == ("/track", None)
    assert received(sealed(event(MsgType="image", MsgId="8"))).messages[0].text == "🖼️"


@pytest.mark.parametrize(
    "xml", [event(MsgType="event", Event="enter_agent", EventKey=""), event(), "<xml/>"]
)
def test_other_events_give_nothing(xml: str) -> None:
    assert received(sealed(xml)).messages == ()


@given(st.binary(max_size=200))
def test_parse_raises_nothing_but_bad_request(xml: bytes) -> None:
    with contextlib.suppress(errors.BadRequest):
        received(sealed(xml))


def test_short_choices_become_a_card() -> None:
    (piece,) = channel().render([BotMessage(text="是这些吗？", buttons=BUTTONS)], ADDRESS)
    assert piece["template_card"] == {
        "card_type": "button_interaction",
        "main_title": {"title": "请选择："},
        "sub_title_text": "是这些吗？",
        "button_list": [
            {"text": "如何查询包裹", "style": 2, "key": "/track\n如何查询包裹"},
            {"text": "没有", "style": 2, "key": "/no\n没有"},
        ],
    }


def test_a_long_text_goes_before_its_card_and_long_choices_become_a_list() -> None:
    text, card = channel().render([BotMessage(text="字" * 113, buttons=BUTTONS)], ADDRESS)
    assert text["text"]["content"] == "字" * 113
    assert "sub_title_text" not in card["template_card"]
    large = Button(title="x", payload="/x" * 600)
    for buttons in ((large,), BUTTONS * 4):
        (piece,) = channel().render([BotMessage(text="Which?", buttons=buttons)], ADDRESS)
        assert piece["msgtype"] == "text"
        assert "\n1. " in piece["text"]["content"]


def test_a_long_title_is_told_in_full_and_shortened_on_its_button() -> None:
    wide = Button(title="An item is missing from it", payload="/x")
    (piece,) = channel().render([BotMessage(text="Which?", buttons=(wide,))], ADDRESS)
    card = piece["template_card"]
    assert card["sub_title_text"].endswith("\n1. An item is missing from it")
    assert card["button_list"][0]["text"] == "1. An item is missi…"
    assert card["button_list"][0]["key"] == "/x\nAn item is missing from it"


@given(st.text(max_size=1500))
def test_every_text_keeps_to_the_limit_in_bytes(words: str) -> None:
    for piece in usual().render([BotMessage(text=words * 2)], ADDRESS):
        assert 0 < split.utf8(piece["text"]["content"]) <= 2048


async def test_sending() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(api_url=side.url + "/")
        side.say(200, {"errcode": 0, "access_token": "AT1", "expires_in": 7200})
        side.say(200, {"errcode": 0})
        side.say(200, {"errcode": 0})
        text, card = made.render(
            [BotMessage(text="你好"), BotMessage(text="?", buttons=BUTTONS)], ADDRESS
        )
        await made.send(text, ADDRESS, key="k1", http=http)
        await made.send(card, ADDRESS, key="k2", http=http)
    fetch, first, second = side.ledger
    assert (fetch.method, fetch.path) == ("GET", "/cgi-bin/gettoken")
    assert fetch.query == {"corpid": RECEIVER, "corpsecret": "SECRET"}
    assert (first.path, first.query) == ("/cgi-bin/message/send", {"access_token": "AT1"})
    assert first.json() == {
        "touser": "zhang",
        "agentid": 1000002,
        "msgtype": "text",
        "text": {"content": "你好"},
    }
    assert len(second.json()["template_card"]["task_id"]) == 64


@pytest.mark.parametrize(
    ("code", "permanent"), [(81013, True), (60111, True), (45009, False), (99, False)]
)
async def test_refusals(code: int, permanent: bool) -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(200, {"errcode": 0, "access_token": "AT1", "expires_in": 7200})
        side.say(200, {"errcode": code, "errmsg": "SECRET AT1"})
        with pytest.raises(SendError) as caught:
            await channel(api_url=side.url).send({}, ADDRESS, key="k", http=http)
    assert caught.value.permanent == permanent
    assert "AT1" not in str(caught.value)


async def test_no_answer_names_neither_secret_nor_address() -> None:
    async with vendor() as side:
        url = side.url
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SendError) as caught:
            await channel(api_url=url).send({}, ADDRESS, key="k", http=http)
        (finding,) = await channel(api_url=url).check(webhook_url="https://b.example", http=http)
    assert str(caught.value).startswith("not reached")
    assert not finding.ok
    assert "SECRET" not in finding.what
