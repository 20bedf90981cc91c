from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest

from bot.channels import catalogue
from bot.channels.abilities import Checking
from bot.channels.channel import Channel, HttpAnswer, Inbound, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

TOKEN = "123456:SECRET"


def channel(api_url: str = "https://api.telegram.org") -> Channel:
    section = {
        "bot_token": TOKEN,
        "secret": "a-secret-of-16-or-more",
        "username": "shop_bot",
        "api_url": api_url,
    }
    return catalogue.open_one("telegram", section)


def said(**changes: Any) -> list[Inbound]:
    message = {
        "message_id": 7,
        "date": 1,
        "chat": {"id": 42, "type": "private"},
        "from": {"id": 42, "is_bot": False, "language_code": "zh-hans"},
        "text": "你好",
    }
    update = {"update_id": 9, "message": {**message, **changes}}
    return list(channel().parse(request(orjson.dumps(update))).messages)


def test_a_private_message() -> None:
    assert said() == [
        Inbound(
            account="123456",
            sender="42",
            text="你好",
            dedupe_key="9",
            metadata={"language_code": "zh-hans"},
            address={"chat_id": 42},
        )
    ]


def test_start_is_a_greeting_in_the_language_of_the_phone() -> None:
    (message,) = said(text="/start ref_7")
    assert (message.text, message.title) == ("你好", "/start ref_7")
    (message,) = said(text="/start", **{"from": {"id": 42, "language_code": "de"}})
    assert message.text == "Hello"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"text": None, "caption": "broken", "photo": [{}]}, "broken"),
        ({"text": None, "photo": [{}]}, "🖼️"),
        ({"text": None, "voice": {"file_id": "a"}}, "🎤"),
        ({"text": None, "location": {"latitude": 1}}, "📍"),
    ],
)
def test_what_has_no_words_is_a_sign(changes: dict[str, Any], text: str) -> None:
    assert said(**changes)[0].text == text


GROUP = {"chat": {"id": -5, "type": "supergroup"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"from": {"id": 42, "is_bot": True}},
        {"from": None},
        {"chat": {}},
        {"text": None},
        {"text": None, "new_chat_members": [{}]},
        GROUP,
        {**GROUP, "reply_to_message": {"from": {"id": 777}}},
    ],
)
def test_what_is_not_for_the_bot_is_left_out(changes: dict[str, Any]) -> None:
    assert said(**changes) == []


def test_in_a_group_it_answers_when_it_is_named_or_replied_to() -> None:
    (message,) = said(**GROUP, text="@Shop_Bot refund?")
    assert (message.sender, message.text) == ("42@-5", "refund?")
    assert message.address == {"chat_id": -5}
    reply = {"reply_to_message": {"from": {"id": 123456}}}
    topic = {"is_topic_message": True, "message_thread_id": 3}
    (message,) = said(**GROUP, **reply, **topic)
    assert message.address == {"chat_id": -5, "message_thread_id": 3}


def test_a_pressed_button_is_its_payload_and_stops_spinning() -> None:
    markup = {"inline_keyboard": [[{"text": "是的", "callback_data": "/affirm"}]]}
    query = {
        "id": "q1",
        "from": {"id": 42},
        "data": "/affirm",
        "message": {"chat": {"id": 42, "type": "private"}, "reply_markup": markup},
    }
    received = channel().parse(request(orjson.dumps({"update_id": 10, "callback_query": query})))
    (message,) = received.messages
    assert (message.text, message.title, message.sender) == ("/affirm", "是的", "42")
    assert received.answer == HttpAnswer(
        body=b'{"method":"answerCallbackQuery","callback_query_id":"q1"}',
        content_type="application/json",
    )


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "my_chat_member", "poll"])
def test_other_updates_hold_nothing(kind: str) -> None:
    received = channel().parse(request(orjson.dumps({"update_id": 1, kind: {"a": 1}})))
    assert (list(received.messages), received.answer) == ([], HttpAnswer())


def test_long_texts_are_split_by_utf_16_units() -> None:
    pieces = channel().render([BotMessage(text="🙂" * 3000)], {})
    assert [len(piece["text"]) for piece in pieces] == [2048, 952]


def test_buttons_stand_below_the_text() -> None:
    message = BotMessage(text="Sure?", buttons=(Button(title="Yes", payload="/affirm"),))
    (piece,) = channel().render([message], {})
    assert piece == {
        "method": "sendMessage",
        "text": "Sure?",
        "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "/affirm"}]]},
    }


def test_a_payload_that_is_too_long_makes_a_keyboard_of_titles() -> None:
    long = Button(title="查物流", payload="/answer" + "x" * 60)
    (piece,) = channel().render([BotMessage(text="请选择", buttons=(long,))], {})
    assert piece["reply_markup"]["keyboard"] == [[{"text": "查物流"}]]


def test_pictures_and_custom_parts() -> None:
    custom = {"telegram": {"method": "sendLocation", "latitude": 1, "longitude": 2}}
    message = BotMessage(image="https://i.example/a.png", custom=custom)
    assert channel().render([message], {}) == [
        {"method": "sendLocation", "latitude": 1, "longitude": 2},
        {"method": "sendPhoto", "photo": "https://i.example/a.png"},
    ]
    evil = BotMessage(custom={"telegram": {"method": "deleteWebhook"}})
    assert channel().render([evil], {}) == []


async def deliver(side: Vendor) -> None:
    async with aiohttp.ClientSession() as http:
        piece = {"method": "sendMessage", "text": "hi"}
        await channel(side.url).send(piece, {"chat_id": 42}, key="k1", http=http)


async def test_a_reply_is_sent() -> None:
    async with vendor() as side:
        side.say(200, {"ok": True, "result": {"message_id": 8}})
        await deliver(side)
    assert side.ledger[0].path == f"/bot{TOKEN}/sendMessage"
    assert side.ledger[0].json() == {"text": "hi", "chat_id": 42}


@pytest.mark.parametrize(
    ("status", "description", "permanent"),
    [
        (400, "Bad Request: chat not found", True),
        (403, "Forbidden: bot was blocked by the user", True),
        (401, "Unauthorized", False),
        (404, "Not Found", False),
        (500, "Internal Server Error", False),
    ],
)
async def test_a_refusal_says_whether_to_try_again(
    status: int, description: str, permanent: bool
) -> None:
    async with vendor() as side:
        side.say(status, {"ok": False, "description": description})
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert caught.value.permanent is permanent
    assert str(caught.value) == f"HTTP {status}, {description}"


async def test_a_rate_limit_says_when_in_its_own_place() -> None:
    async with vendor() as side:
        side.say(429, {"ok": False, "parameters": {"retry_after": 7}})
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, 7)


async def test_the_token_stands_in_no_error() -> None:
    async with vendor() as side:
        side.say(400, {"ok": False, "description": f"no method in /bot{TOKEN}/x"})
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert TOKEN not in str(caught.value)
    with pytest.raises(SendError) as caught:  # its port is closed now
        await deliver(side)
    assert "SECRET" not in f"{caught.value} {caught.value.__cause__}"


async def test_the_check_tells_what_is_wrong() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(200, {"ok": True, "result": {"username": "shop_bot"}})
        side.say(
            200,
            {
                "ok": True,
                "result": {"url": "https://old.example/", "last_error_message": "401 Unauthorized"},
            },
        )
        made = channel(side.url)
        assert isinstance(made, Checking)
        found = await made.check(webhook_url="https://bot.example/w", http=http)
    assert [(f.ok, f.what) for f in found] == [
        (True, "The token is that of @shop_bot."),
        (False, "The vendor calls https://old.example/, not https://bot.example/w."),
        (False, "Telegram's last call failed: 401 Unauthorized."),
    ]
