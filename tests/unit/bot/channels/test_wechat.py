from __future__ import annotations

import contextlib
import functools
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, split, wechat, wechat_crypto
from bot.channels.channel import Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, envelope, sealed
from tests.unit.bot.channels.vendor import NOW, Vendor, request, vendor

TEXT = """<xml><ToUserName><![CDATA[gh_1]]></ToUserName>
<FromUserName><![CDATA[openid1]]></FromUserName><CreateTime>1348831860</CreateTime>
<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 <b> & ]]]]><![CDATA[>]]></Content>
<MsgId>1234567890123456</MsgId></xml>"""
BUTTONS = (
    Button(title="Track", payload='/answer{"id": "track_how"}'),
    Button(title="No", payload="/no"),
)
ADDRESS = {"to": "openid1", "from": "gh_1"}


def channel(**settings: Any) -> wechat.WeChat:
    given_settings = {
        "app_id": RECEIVER,
        "app_secret": "APPSECRET",
        "token": TOKEN,
        "aes_key": AES_KEY,
    }
    opened = catalogue.open_one("wechat", given_settings | settings)
    assert isinstance(opened, wechat.WeChat)
    return opened


usual = functools.cache(channel)  # for what is pure


def received(req: Request) -> Received:
    made = usual()
    made.verify(req)
    return made.parse(req)


def event(**values: str) -> str:
    head = {"ToUserName": "gh_1", "FromUserName": "openid1", "CreateTime": "123456789"}
    inside = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in (head | values).items())
    return f"<xml>{inside}</xml>"


def test_the_url_check_is_echoed() -> None:
    query = {
        "signature": envelope().signature(str(int(NOW)), "n"),
        "timestamp": str(int(NOW)),
        "nonce": "n",
        "echostr": "1234",
    }
    found = received(request(method="GET", query=query))
    assert (found.messages, found.answer.body) == ((), b"1234")


def test_a_text() -> None:
    found = received(sealed(TEXT))
    assert found.answer.body == b"success"
    (message,) = found.messages
    assert (message.account, message.sender) == ("gh_1", "openid1")
    assert (message.text, message.title) == ("你好 <b> & ]]>", None)
    assert message.dedupe_key == "1234567890123456:openid1:1348831860"
    assert message.address == ADDRESS


def test_a_choice_of_a_menu_gives_its_payload() -> None:
    menu = event(MsgType="text", Content="Track", bizmsgmenuid='/answer{"id": "x"}', MsgId="5")
    (message,) = received(sealed(menu)).messages
    assert (message.text, message.title) == ('/answer{"id": "x"}', "Track")


def test_a_click_in_the_accounts_menu_gives_its_key() -> None:
    click = event(MsgType="event", Event="CLICK", EventKey="/track_parcel")
    (message,) = received(sealed(click)).messages
    assert message.text == "/track_parcel"
    assert message.dedupe_key == "CLICK:/track_parcel:openid1:123456789"


def test_what_was_spoken_is_read_and_a_picture_gets_a_sign() -> None:
    spoken = event(MsgType="voice", Recognition="在吗", MsgId="6")
    assert received(sealed(spoken)).messages[0].text == "在吗"
    assert received(sealed(event(MsgType="image", MsgId="7"))).messages[0].text == "🖼️"


@pytest.mark.parametrize(
    "xml",
    [
        event(MsgType="event", Event="subscribe"),
        event(MsgType="event", Event="CLICK"),
        event(MsgType="event", Event="TEMPLATESENDJOBFINISH", Status="success"),
        event(MsgType="strange"),
        "<xml/>",
        "<xml><MsgType><a>text</a></MsgType></xml>",
    ],
)
def test_other_events_are_answered_and_give_nothing(xml: str) -> None:
    found = received(sealed(xml))
    assert (found.messages, found.answer.body) == ((), b"success")


def test_odd_but_authentic_bytes_are_not_lost() -> None:
    odd = TEXT.encode().replace("你好".encode(), b"\x00\xff\x14hi")
    assert received(sealed(odd)).messages[0].text == "\ufffdhi <b> & ]]>"


def test_plain_mode_and_stale_messages_are_forged() -> None:
    stamp = str(int(NOW))
    query = {"signature": envelope().signature(stamp, "n"), "timestamp": stamp, "nonce": "n"}
    with pytest.raises(errors.Forged):
        channel().verify(request(TEXT.encode(), query=query))
    for age in (-301, 301):
        with pytest.raises(errors.Forged):
            channel().verify(sealed(TEXT, at=NOW + age))
    channel().verify(sealed(TEXT, at=NOW - 300))


@given(st.binary(max_size=200))
def test_parse_raises_nothing_but_bad_request(xml: bytes) -> None:
    made, req = usual(), sealed(xml)
    made.verify(req)
    with contextlib.suppress(errors.BadRequest):
        made.parse(req)


def test_choices_become_a_menu_and_long_ones_a_list() -> None:
    asked = BotMessage(text="Which?", buttons=BUTTONS, image="https://shop.example/p.png")
    menu, picture = channel().render([asked], ADDRESS)
    assert menu["msgmenu"]["head_content"] == "Which?"
    assert menu["msgmenu"]["list"][0] == {"id": '/answer{"id": "track_how"}', "content": "Track"}
    assert picture == {"msgtype": "text", "text": {"content": "https://shop.example/p.png"}}
    (text,) = channel().render([BotMessage(text="x" * 1025, buttons=BUTTONS)], ADDRESS)
    assert text["text"]["content"].endswith("1. Track\n2. No")


@given(st.text(max_size=1500))
def test_every_text_keeps_to_the_limit_in_bytes(words: str) -> None:
    for piece in usual().render([BotMessage(text=words * 2)], ADDRESS):
        assert 0 < split.utf8(piece["text"]["content"]) <= 2048


def passive_text(answer_body: bytes) -> dict[str, str]:
    outer = wechat_crypto.fields(answer_body)
    assert outer["MsgSignature"] == envelope().signature(
        outer["TimeStamp"], outer["Nonce"], outer["Encrypt"]
    )
    return wechat_crypto.fields(envelope().decrypted(outer["Encrypt"]))


def test_a_passive_answer_is_sealed_and_swaps_the_names() -> None:
    messages = [BotMessage(text="One ]]> two"), BotMessage(text="三")]
    answer = channel().passive(messages, ADDRESS, sealed(TEXT))
    assert answer is not None
    assert passive_text(answer.body) == {
        "ToUserName": "openid1",
        "FromUserName": "gh_1",
        "CreateTime": str(int(NOW)),
        "MsgType": "text",
        "Content": "One ]]> two\n\n三",
    }


def test_wechatpy_reads_our_passive_answer() -> None:
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.replies import deserialize_reply

    answer = channel().passive([BotMessage(text="一 ]]> two")], ADDRESS, sealed(TEXT))
    assert answer is not None
    outer = wechat_crypto.fields(answer.body)
    crypto = WeChatCrypto(TOKEN, AES_KEY, RECEIVER)
    signed = (outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
    reply = deserialize_reply(crypto.decrypt_message(answer.body, *signed))
    assert (reply.type, reply.content) == ("text", "一 ]]> two")
    assert (reply.target, reply.source) == ("openid1", "gh_1")


def test_wechatpy_seals_what_we_open() -> None:
    from wechatpy.crypto import WeChatCrypto

    crypto = WeChatCrypto(TOKEN, AES_KEY, RECEIVER)
    body = crypto.encrypt_message(TEXT, "n1", str(int(NOW)))
    outer = wechat_crypto.fields(body.encode())
    query = {"timestamp": str(int(NOW)), "nonce": "n1", "msg_signature": outer["MsgSignature"]}
    (message,) = received(request(body.encode(), query=query)).messages
    assert message.text == "你好 <b> & ]]>"


def test_what_customer_service_says_better_is_not_said_passively() -> None:
    long, asked = BotMessage(text="字" * 700), BotMessage(text="Which?", buttons=BUTTONS)
    assert channel().passive([long], ADDRESS, sealed(TEXT)) is None
    assert channel().passive([asked], ADDRESS, sealed(TEXT)) is None
    assert channel().passive([], ADDRESS, sealed(TEXT)) is None


def test_without_customer_service_all_is_said_passively() -> None:
    made = channel(customer_service=False)
    answer = made.passive([BotMessage(text="Which?", buttons=BUTTONS)], ADDRESS, sealed(TEXT))
    assert answer is not None
    said = passive_text(answer.body)["Content"]
    assert said == "Which?\nPlease reply with a number:\n1. Track\n2. No"
    answer = made.passive([BotMessage(text="字" * 700)], ADDRESS, sealed(TEXT))
    assert answer is not None
    assert passive_text(answer.body)["Content"] == "字" * 682


async def sent(side: Vendor, made: wechat.WeChat | None = None) -> None:
    made = made or channel(api_url=side.url)
    async with aiohttp.ClientSession() as http:
        piece = {"msgtype": "text", "text": {"content": "你好"}}
        await made.send(piece, ADDRESS, key="k1", http=http)


async def test_sending_fetches_a_token_and_uses_it() -> None:
    async with vendor() as side:
        side.say(200, {"access_token": "AT1", "expires_in": 7200})
        side.say(200, {"errcode": 0, "errmsg": "ok"})
        await sent(side)
    fetch, call = side.ledger
    assert fetch.path == "/cgi-bin/stable_token"
    assert fetch.json() == {
        "grant_type": "client_credential",
        "appid": RECEIVER,
        "secret": "APPSECRET",
    }
    assert (call.path, call.query) == ("/cgi-bin/message/custom/send", {"access_token": "AT1"})
    assert call.json() == {"touser": "openid1", "msgtype": "text", "text": {"content": "你好"}}
    assert "你好".encode() in call.body  # \\u escapes would be shown as they stand


async def test_an_expired_token_is_renewed_once() -> None:
    async with vendor() as side:
        side.say(200, {"access_token": "AT1", "expires_in": 7200})
        side.say(200, {"errcode": 42001, "errmsg": "access_token expired"})
        side.say(200, {"access_token": "AT2", "expires_in": 7200})
        side.say(200, {"errcode": 0})
        await sent(side)
        assert side.ledger[-1].query == {"access_token": "AT2"}
    async with vendor() as side:
        for number in (1, 2):
            side.say(200, {"access_token": f"AT{number}", "expires_in": 7200})
            side.say(200, {"errcode": 40001})
        with pytest.raises(SendError, match="errcode 40001"):
            await sent(side)
    assert len(side.ledger) == 4


@pytest.mark.parametrize(
    ("status", "data", "permanent", "wait_s"),
    [
        (200, {"errcode": 45015, "errmsg": "out of window AT1"}, True, None),
        (200, {"errcode": 45047}, True, None),
        (200, {"errcode": 45009}, False, 60.0),
        (200, {"errcode": -1}, False, None),
        (200, {"errcode": "AT1"}, False, None),
        (200, ["AT1"], False, None),
        (200, None, False, None),
        (502, None, False, None),
        (404, None, True, None),
    ],
)
async def test_refusals(status: int, data: object, permanent: bool, wait_s: float | None) -> None:
    async with vendor() as side:
        side.say(200, {"access_token": "AT1", "expires_in": 7200})
        side.say(status, data)
        with pytest.raises(SendError) as caught:
            await sent(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert "AT1" not in str(caught.value)
    assert side.url not in str(caught.value)


async def test_no_token_says_why_and_holds_no_secret() -> None:
    async with vendor() as side:
        side.say(200, {"errcode": 40164, "errmsg": "invalid ip APPSECRET"})
        with pytest.raises(SendError, match=r"40164 .*white list") as caught:
            await sent(side)
    assert "APPSECRET" not in str(caught.value)
    with pytest.raises(SendError, match="not reached"):
        await sent(side)


async def test_the_check_tells_whether_the_credentials_are_right() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(api_url=side.url)
        side.say(200, {"errcode": 40125})
        (finding,) = await made.check(webhook_url="https://bot.example/x", http=http)
        assert (finding.ok, "40125" in finding.what) == (False, True)
        side.say(200, {"access_token": "AT1", "expires_in": 7200})
        (finding,) = await made.check(webhook_url="https://bot.example/x", http=http)
        assert finding.ok
