from __future__ import annotations

import base64

import aiohttp
import orjson
import pytest

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import NOW, request, vendor

REPLIES = [
    BotMessage(text="Sure?", buttons=(Button(title="Yes", payload="/affirm"),)),
    BotMessage(image="https://i.example/a.png"),
]


def channel(url: str = "https://shop.example/bot", **more: object) -> Channel:
    return catalogue.open_one("callback", {"url": url, "incoming_token": "let-me-in", **more})


def test_the_token_comes_in_the_url_or_in_a_header() -> None:
    channel().verify(request(query={"token": "let-me-in"}))
    channel().verify(request(headers={"Authorization": "Bearer let-me-in"}))
    for wrong in (request(), request(query={"token": "x"}), request(query={"token": "é"})):
        with pytest.raises(errors.Forged):
            channel().verify(wrong)


def test_without_a_token_anybody_could_call() -> None:
    with pytest.raises(errors.ConfigError, match="incoming_token"):
        catalogue.open_one("callback", {"url": "https://shop.example/bot"})


def test_a_message_in_rasas_form_is_answered_with_success() -> None:
    body = {"sender": "u1", "message": "hi", "metadata": {"a": 1}, "input_channel": "app"}
    received = channel().parse(request(orjson.dumps(body)))
    (message,) = received.messages
    assert (message.sender, message.text) == ("u1", "hi")
    assert message.metadata == {"a": 1, "input_channel": "app"}
    assert (received.answer.status, received.answer.body) == (200, b"success")


def test_nobody_is_default_as_in_rasa() -> None:
    assert channel().parse(request(b'{"message":"hi"}')).messages[0].sender == "default"


def test_the_same_words_later_are_another_message_unless_they_have_an_id() -> None:
    first, later = (
        channel().parse(request(b'{"message":"yes"}', now=now)).messages[0].dedupe_key
        for now in (NOW, NOW + 1)
    )
    assert first != later
    body = b'{"message":"yes","message_id":"7"}'
    keys = {
        channel().parse(request(body, now=now)).messages[0].dedupe_key for now in (NOW, NOW + 1)
    }
    assert keys == {"id:7"}


@pytest.mark.parametrize("body", [b"{}", b'{"message":""}', b'{"message":["x"]}', b"[]", b"hi"])
def test_no_message_is_told_so(body: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        channel().parse(request(body))


async def test_each_message_is_posted_on_its_own() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(
            side.url + "/bot?a=1", token="t&1", user="me", password="pass", headers={"X-Shop": "7"}
        )
        for piece in made.render(REPLIES, {}):
            await made.send(piece, {"recipient_id": "u1"}, key="k1", http=http)
    first, second = side.ledger
    assert first.json() == {
        "recipient_id": "u1",
        "text": "Sure?",
        "buttons": [{"title": "Yes", "payload": "/affirm"}],
    }
    assert second.json() == {"recipient_id": "u1", "image": "https://i.example/a.png"}
    login = base64.b64encode(b"me:pass").decode()
    assert first.headers["Authorization"] == f"Basic {login}"
    assert first.headers["X-Shop"] == "7"
    assert first.headers["Idempotency-Key"] == "k1"
    assert first.query == {"a": "1", "token": "t&1"}


async def test_or_all_in_one_array() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(side.url, batch=True)
        (piece,) = made.render(REPLIES, {})
        await made.send(piece, {"recipient_id": "u1"}, key="k1", http=http)
    sent = orjson.loads(side.ledger[0].body)
    assert [message["recipient_id"] for message in sent] == ["u1", "u1"]


async def test_a_refusal_does_not_show_the_token() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(404)
        made = channel(side.url, token="SECRET")
        with pytest.raises(SendError, match=r"^HTTP 404$") as caught:
            await made.send({"messages": [{}]}, {"recipient_id": "u"}, key="k", http=http)
    assert caught.value.permanent
