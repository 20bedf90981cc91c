from __future__ import annotations

import urllib.parse
from typing import Any

import aiohttp
import orjson
import pytest

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Inbound, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

# From https://api.slack.com/authentication/verifying-requests-from-slack
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
STAMP = 1531420618
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def channel(api_url: str = "https://slack.com/api") -> Channel:
    section = {"signing_secret": SECRET, "bot_token": "xoxb-SECRET", "api_url": api_url}
    return catalogue.open_one("slack", section)


def event(**changes: Any) -> Request:
    inner = {
        "type": "message",
        "channel_type": "im",
        "channel": "D1",
        "user": "U1",
        "text": "hi",
        "ts": "1355517523.000005",
    }
    outer = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1"}
    return request(orjson.dumps({**outer, "event": {**inner, **changes}}))


def read(asked: Request) -> list[Inbound]:
    return list(channel().parse(asked).messages)


def test_the_official_vector() -> None:
    headers = {"X-Slack-Request-Timestamp": str(STAMP), "X-Slack-Signature": SIGNATURE}
    channel().verify(request(BODY, headers, now=STAMP + 299))
    with pytest.raises(errors.Forged):
        channel().verify(request(BODY, headers, now=STAMP + 301))


def test_the_handshake() -> None:
    asked = request(b'{"type":"url_verification","challenge":"3eZbrw1a","token":"Jhj5dZrVaK7Z"}')
    received = channel().parse(asked)
    assert received.answer.body == b"3eZbrw1a"
    assert received.answer.status == 200
    assert received.messages == ()


def test_a_direct_message() -> None:
    assert read(event()) == [
        Inbound(
            account="T1",
            sender="U1",
            text="hi",
            dedupe_key="Ev1",
            address={"channel": "D1"},
        )
    ]


def test_a_mention_is_answered_in_its_thread() -> None:
    (message,) = read(
        event(type="app_mention", channel_type="channel", channel="C1", text="<@UBOT> refund?")
    )
    assert (message.sender, message.text) == ("U1@C1", "refund?")
    assert message.address == {"channel": "C1", "thread_ts": "1355517523.000005"}


def test_links_and_entities_are_as_typed() -> None:
    text = "a &lt;b&gt; &amp;amp; <https://x.example/?a=1|x.example> <#C1|general>"
    assert read(event(text=text))[0].text == "a <b> &amp; x.example general"


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"channel_type": "channel"},
        {"type": "reaction_added"},
        {"user": None},
        {"text": ""},
        {"text": 5.5},
    ],
)
def test_what_is_not_for_the_bot_is_left_out(changes: dict[str, Any]) -> None:
    assert read(event(**changes)) == []


@pytest.mark.parametrize(
    "body",
    [b'{"type":"app_rate_limited","minute_rate_limited":1}', b"{}", b'{"type":"event_callback"}'],
)
def test_unknown_events_are_taken_and_hold_nothing(body: bytes) -> None:
    received = channel().parse(request(body))
    assert (list(received.messages), received.answer.status) == ([], 200)


def test_a_file_without_words_is_a_message() -> None:
    (message,) = read(event(subtype="file_share", text="", files=[{"id": "F1"}]))
    assert message.text == "📎"
    assert message.metadata == {"files": ["F1"]}


def pressed(action: dict[str, Any]) -> Request:
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "D1"},
        "message": {"ts": "1.2"},
        "response_url": "https://evil.example/",
        "actions": [action],
    }
    body = b"payload=" + urllib.parse.quote(orjson.dumps(payload)).encode()
    return request(body, {"Content-Type": "application/x-www-form-urlencoded"})


def test_a_pressed_button_is_its_payload() -> None:
    action = {
        "action_id": "choice_1",
        "action_ts": "9.9",
        "value": "/affirm",
        "text": {"type": "plain_text", "text": "是的"},
    }
    assert read(pressed(action)) == [
        Inbound(
            account="T1",
            sender="U1",
            text="/affirm",
            title="是的",
            dedupe_key="action:U1:choice_1:9.9",
            address={"channel": "D1"},
        )
    ]


def test_a_chosen_option_is_its_value() -> None:
    option = {"value": "/deny", "text": {"type": "plain_text", "text": "No"}}
    (message,) = read(pressed({"action_ts": "1", "selected_option": option}))
    assert (message.text, message.title) == ("/deny", "No")


def test_other_forms_hold_nothing() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert read(request(BODY, form)) == []
    assert read(request(b"payload=%7B%7D", form)) == []


def test_texts_are_escaped_so_that_nobody_is_called() -> None:
    (piece,) = channel().render([BotMessage(text="<!channel> a & b")], {})
    assert piece["text"] == "&lt;!channel&gt; a &amp; b"


def test_buttons_become_blocks() -> None:
    message = BotMessage(text="Sure?", buttons=(Button(title="Yes", payload="/affirm"),))
    (piece,) = channel().render([message], {})
    section, actions = piece["blocks"]
    assert section == {"type": "section", "text": {"type": "plain_text", "text": "Sure?"}}
    assert actions["elements"] == [
        {
            "type": "button",
            "action_id": "choice_1",
            "text": {"type": "plain_text", "text": "Yes"},
            "value": "/affirm",
        }
    ]


def test_too_many_buttons_become_a_list() -> None:
    buttons = tuple(Button(title=f"选项{n}", payload=f"/a{n}") for n in range(26))
    (piece,) = channel().render([BotMessage(text="请选择", buttons=buttons)], {})
    assert "blocks" not in piece
    assert piece["text"].splitlines()[1:3] == ["请回复序号：", "1. 选项0"]


def test_pictures_attachments_and_custom_parts() -> None:
    message = BotMessage(
        image="https://i.example/a.png",
        attachment={"payload": {"src": "https://i.example/a.pdf"}},
        custom={"slack": {"blocks": [{"type": "divider"}], "channel": "C9", "token": "x"}},
    )
    custom, picture, file = channel().render([message], {})
    assert custom == {"blocks": [{"type": "divider"}]}
    assert picture["blocks"][0]["image_url"] == "https://i.example/a.png"
    assert file["text"] == "https://i.example/a.pdf"


async def deliver(side: Vendor) -> None:
    async with aiohttp.ClientSession() as http:
        await channel(side.url + "/api").send(
            {"text": "你好"}, {"channel": "D1", "thread_ts": "1.2"}, key="k1", http=http
        )


async def test_a_reply_is_posted() -> None:
    async with vendor() as side:
        side.say(200, {"ok": True})
        await deliver(side)
    (call,) = side.ledger
    assert (call.method, call.path) == ("POST", "/api/chat.postMessage")
    assert call.headers["Authorization"] == "Bearer xoxb-SECRET"
    assert call.json() == {"text": "你好", "channel": "D1", "thread_ts": "1.2"}


@pytest.mark.parametrize(
    ("status", "data", "permanent", "problem"),
    [
        (200, {"ok": False, "error": "channel_not_found"}, True, "HTTP 200, channel_not_found"),
        (200, {"ok": False, "error": "internal_error"}, False, "HTTP 200, internal_error"),
        (200, {"ok": False, "error": "token_revoked"}, False, "HTTP 200, token_revoked"),
        (200, None, False, "HTTP 200"),
        (503, None, False, "HTTP 503"),
        (404, None, True, "HTTP 404"),
    ],
)
async def test_a_refusal_says_whether_to_try_again(
    status: int, data: object, permanent: bool, problem: str
) -> None:
    async with vendor() as side:
        side.say(status, data)
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert (caught.value.permanent, str(caught.value)) == (permanent, problem)


async def test_a_rate_limit_says_when() -> None:
    async with vendor() as side:
        side.say(429, {"ok": False, "error": "ratelimited"}, Retry_After="30")
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, 30)
