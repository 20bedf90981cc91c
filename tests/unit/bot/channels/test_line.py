from __future__ import annotations

import time
import uuid
from typing import Any

import aiohttp
import orjson
import pytest

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Delivery, Inbound, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

# From https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/
SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
BODY = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
SIGNATURE = "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


def channel(api_url: str = "https://api.line.me", **more: object) -> Channel:
    section = {"channel_secret": SECRET, "access_token": "line-SECRET", "api_url": api_url}
    return catalogue.open_one("line", {**section, **more})


def read(*events: object) -> list[Inbound]:
    body = orjson.dumps({"destination": "Ubot", "events": list(events)})
    return list(channel().parse(request(body)).messages)


def event(**changes: Any) -> dict[str, Any]:
    usual = {
        "type": "message",
        "mode": "active",
        "timestamp": 1_760_000_000_500,
        "webhookEventId": "01H",
        "source": {"type": "user", "userId": "U1"},
        "replyToken": "r1",
        "message": {"id": "1", "type": "text", "text": "hi"},
    }
    return {**usual, **changes}


def test_the_official_vector_and_the_check_of_the_console() -> None:
    asked = request(BODY, {"X-Line-Signature": SIGNATURE})
    channel().verify(asked)
    received = channel().parse(asked)
    assert (list(received.messages), received.answer.status) == ([], 200)
    with pytest.raises(errors.Forged):
        channel().verify(request(BODY + b" ", {"X-Line-Signature": SIGNATURE}))


def test_a_message() -> None:
    assert read(event()) == [
        Inbound(
            account="Ubot",
            sender="U1",
            text="hi",
            dedupe_key="01H",
            address={"to": "U1", "reply_token": "r1", "reply_until": 1_760_000_050.5},
        )
    ]


def test_a_postback_is_its_data() -> None:
    assert read(event(type="postback", postback={"data": "/affirm"}))[0].text == "/affirm"


def test_a_sticker_is_a_sign() -> None:
    assert read(event(message={"id": "1", "type": "sticker"}))[0].text == "🙂"


@pytest.mark.parametrize(
    "odd",
    [
        event(mode="standby"),
        event(type="follow", message=None),
        event(source={"type": "user"}),
        event(message={"type": "text", "text": 5.5}),
        None,
    ],
)
def test_a_batch_goes_on_past_what_is_not_for_the_bot(odd: object) -> None:
    assert [m.dedupe_key for m in read(odd, event(webhookEventId="02H"))] == ["02H"]


GROUP = {"type": "group", "userId": "U1", "groupId": "G1"}


def test_in_a_group_it_answers_when_it_is_mentioned() -> None:
    assert read(event(source=GROUP)) == []
    mentioned = {
        "id": "1",
        "type": "text",
        "text": "😀 @Shop refund?",
        "mention": {"mentionees": [{"index": 3, "length": 5, "isSelf": True}, {"index": "x"}]},
    }
    (message,) = read(event(source=GROUP, message=mentioned))
    assert (message.sender, message.text) == ("U1@G1", "😀  refund?")
    assert message.address["to"] == "G1"


def test_an_event_without_a_reply_token_gets_a_push() -> None:
    assert read(event(replyToken=None))[0].address == {"to": "U1"}


def test_quick_replies_show_short_titles_and_say_long_ones() -> None:
    buttons = (Button(title="Where is the parcel that I ordered?", payload="/answer"),)
    (piece,) = channel().render([BotMessage(text="Which?", buttons=buttons)], {})
    (shown,) = piece["messages"]
    assert shown["text"].endswith("1. Where is the parcel that I ordered?")
    assert shown["quickReply"]["items"][0]["action"] == {
        "type": "postback",
        "label": "1. Where is the par…",
        "data": "/answer",
        "displayText": "Where is the parcel that I ordered?",
    }


def test_5_messages_go_in_one_call_and_only_the_first_call_uses_the_token() -> None:
    pieces = channel().render([BotMessage(text=str(n)) for n in range(7)], {})
    assert [(len(piece["messages"]), piece["first"]) for piece in pieces] == [(5, True), (2, False)]


def test_pictures_and_custom_parts() -> None:
    sticker = {"type": "sticker", "packageId": "1", "stickerId": "1"}
    message = BotMessage(image="https://i.example/a.png", custom={"line": sticker})
    (piece,) = channel().render([message], {})
    assert [shown["type"] for shown in piece["messages"]] == ["sticker", "image"]
    (piece,) = channel().render([BotMessage(image="http://i.example/a.png")], {})
    assert piece["messages"] == [{"type": "text", "text": "http://i.example/a.png"}]


async def deliver(side: Vendor, *, fresh: bool = True, first: bool = True, **more: object) -> None:
    until = time.time() + (40 if fresh else -1)
    address = {"to": "U1", "reply_token": "r1", "reply_until": until}
    piece = {"messages": [{"type": "text", "text": "hi"}], "first": first}
    async with aiohttp.ClientSession() as http:
        await channel(side.url, **more).send(piece, address, key="k1", http=http)


async def test_a_reply_uses_its_token() -> None:
    async with vendor() as side:
        side.say(200, {"sentMessages": []})
        await deliver(side)
    (call,) = side.ledger
    assert call.path == "/v2/bot/message/reply"
    assert call.headers["Authorization"] == "Bearer line-SECRET"
    assert call.json() == {"replyToken": "r1", "messages": [{"type": "text", "text": "hi"}]}


@pytest.mark.parametrize(
    "how", [{"fresh": False}, {"first": False}, {"use_reply_token": False}], ids=str
)
async def test_otherwise_it_is_a_push_with_a_key_that_stays_the_same(how: dict[str, Any]) -> None:
    async with vendor() as side:
        await deliver(side, **how)
        await deliver(side, **how)
    first, again = side.ledger
    assert first.path == "/v2/bot/message/push"
    assert first.json() == {"to": "U1", "messages": [{"type": "text", "text": "hi"}]}
    assert str(uuid.UUID(first.headers["X-Line-Retry-Key"])) == first.headers["X-Line-Retry-Key"]
    assert first.headers["X-Line-Retry-Key"] == again.headers["X-Line-Retry-Key"]


async def test_a_token_that_was_used_up_becomes_a_push() -> None:
    async with vendor() as side:
        side.say(400, {"message": "Invalid reply token"})
        await deliver(side)
    assert [call.path[-5:] for call in side.ledger] == ["reply", "/push"]


async def test_a_push_that_was_accepted_before_is_done() -> None:
    async with vendor() as side:
        side.say(409, {"message": "The retry key is already accepted"})
        await deliver(side, fresh=False)
    assert len(side.ledger) == 1


@pytest.mark.parametrize(
    ("status", "word", "permanent"),
    [
        (429, "You have reached your monthly limit.", True),
        (429, "The API rate limit has been exceeded", False),
        (400, "The property, 'to', is invalid", True),
        (401, "Authentication failed", False),
        (500, "", False),
    ],
)
async def test_a_refusal_says_whether_to_try_again(status: int, word: str, permanent: bool) -> None:
    async with vendor() as side:
        side.say(status, {"message": word})
        with pytest.raises(SendError) as caught:
            await deliver(side, fresh=False)
    assert caught.value.permanent is permanent


def test_only_pushes_are_exactly_once() -> None:
    assert channel().delivery is Delivery.AT_LEAST_ONCE
    assert channel(use_reply_token=False).delivery is Delivery.EXACTLY_ONCE
