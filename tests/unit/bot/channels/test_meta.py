from __future__ import annotations

import hashlib
import hmac
from typing import Any

import aiohttp
import orjson
import pytest

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Inbound, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

KINDS = ["messenger", "whatsapp"]


def channel(kind: str, api_url: str = "https://graph.facebook.com/v24.0") -> Channel:
    section = {
        "app_secret": "app-secret",
        "verify_token": "verify-me",
        "access_token": "EAAB-SECRET",
        "api_url": api_url,
    }
    return catalogue.open_one(kind, section)


def shake(kind: str, **query: str) -> bytes:
    asked = request(
        method="GET", query={name.replace("_", ".", 1): value for name, value in query.items()}
    )
    channel(kind).verify(asked)
    return channel(kind).parse(asked).answer.body


@pytest.mark.parametrize("kind", KINDS)
def test_the_handshake(kind: str) -> None:
    asked = {"hub_mode": "subscribe", "hub_verify_token": "verify-me", "hub_challenge": "115"}
    assert shake(kind, **asked) == b"115"
    for wrong in ({"hub_verify_token": "x"}, {"hub_verify_token": "é"}, {"hub_mode": "x"}):
        with pytest.raises(errors.Forged):
            shake(kind, **{**asked, **wrong})
    with pytest.raises(errors.Forged):
        shake(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_signature_is_of_the_raw_body(kind: str) -> None:
    body = '{"t":"\\u4f60好"}'.encode()
    right = "sha256=" + hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
    channel(kind).verify(request(body, {"X-Hub-Signature-256": right}))
    with pytest.raises(errors.Forged):
        channel(kind).verify(request(body, {"X-Hub-Signature-256": right[7:]}))


def to_page(*events: object, page: str = "PAGE") -> list[Inbound]:
    entry = [{"id": page, "time": 1, "messaging": list(events)}]
    body = orjson.dumps({"object": "page", "entry": entry})
    return list(channel("messenger").parse(request(body)).messages)


def event(**part: object) -> dict[str, Any]:
    return {"sender": {"id": "PSID"}, "recipient": {"id": "PAGE"}, "timestamp": 1, **part}


def test_a_messenger_message() -> None:
    assert to_page(event(message={"mid": "m_1", "text": "hi"})) == [
        Inbound(
            account="PAGE",
            sender="PSID",
            text="hi",
            dedupe_key="m_1",
            address={"page": "PAGE", "recipient": "PSID"},
        )
    ]


def test_a_quick_reply_and_a_postback_are_their_payload() -> None:
    quick = {"mid": "m_1", "text": "是的", "quick_reply": {"payload": "/affirm"}}
    postback = {"title": "Start", "payload": "/greet", "mid": "m_2"}
    first, second = to_page(event(message=quick), event(postback=postback))
    assert (first.text, first.title) == ("/affirm", "是的")
    assert (second.text, second.title, second.dedupe_key) == ("/greet", "Start", "m_2")


def test_an_old_postback_without_id_has_a_key_nevertheless() -> None:
    (message,) = to_page(event(postback={"title": "Start", "payload": "/greet"}))
    assert message.dedupe_key == "PSID:1:/greet"


def test_a_picture_is_a_sign() -> None:
    attachments = [{"type": "image", "payload": {"url": "https://cdn.example/1"}}]
    (message,) = to_page(event(message={"mid": "m_1", "attachments": attachments}))
    assert message.text == "🖼️"


@pytest.mark.parametrize(
    "odd",
    [
        event(message={"mid": "m_1", "text": "hi", "is_echo": True}),
        event(read={"watermark": 1}),
        event(delivery={"mids": ["m_1"]}),
        event(message={"mid": "m_1"}),
        {"message": {"mid": "m_1", "text": "hi"}},
        None,
        7,
    ],
)
def test_a_batch_goes_on_past_what_is_not_for_the_bot(odd: object) -> None:
    found = to_page(odd, event(message={"mid": "m_2", "text": "hi"}))
    assert [message.dedupe_key for message in found] == ["m_2"]


def to_number(*messages: object, **value: object) -> list[Inbound]:
    filled = {
        "metadata": {"phone_number_id": "PN"},
        "contacts": [{"wa_id": "8613", "profile": {"name": "小王"}}],
        "messages": list(messages),
        **value,
    }
    changes = [{"field": "messages", "value": filled}]
    entry = [{"id": "WABA", "changes": changes}]
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": entry})
    return list(channel("whatsapp").parse(request(body)).messages)


def wa(kind: str, content: object, own: str = "wamid.X") -> dict[str, Any]:
    return {"from": "8613", "id": own, "timestamp": "1", "type": kind, kind: content}


def test_a_whatsapp_message() -> None:
    assert to_number(wa("text", {"body": "hi"})) == [
        Inbound(
            account="PN",
            sender="8613",
            text="hi",
            dedupe_key="wamid.X",
            metadata={"name": "小王"},
            address={"number": "PN", "to": "8613"},
        )
    ]


@pytest.mark.parametrize(
    ("kind", "content", "text", "title"),
    [
        ("interactive", {"button_reply": {"id": "/affirm", "title": "Yes"}}, "/affirm", "Yes"),
        ("interactive", {"list_reply": {"id": "/deny", "title": "No"}}, "/deny", "No"),
        ("button", {"payload": "/greet", "text": "Hi"}, "/greet", "Hi"),
        ("image", {"id": "1", "caption": "broken"}, "broken", None),
        ("image", {"id": "1"}, "🖼️", None),
        ("audio", {"id": "1"}, "🎤", None),
        ("contacts", [{}], "👤", None),
    ],
)
def test_other_kinds_of_whatsapp_message(
    kind: str, content: object, text: str, title: str | None
) -> None:
    (message,) = to_number(wa(kind, content))
    assert (message.text, message.title) == (text, title)


def test_statuses_reactions_and_system_notes_are_left_out() -> None:
    statuses = [{"id": "wamid.Y", "status": "read"}]
    found = to_number(wa("reaction", {"emoji": "👍"}), wa("system", {}), 7, statuses=statuses)
    assert found == []


def test_several_messages_in_one_request() -> None:
    found = to_number(
        wa("text", {"body": "1"}, "a"),
        wa("text", {"body": 5.5}, "b"),
        wa("text", {"body": "2"}, "c"),
    )
    assert [message.dedupe_key for message in found] == ["a", "c"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"{}", b'{"object":"user","entry":[{}]}', b'{"object":"page"}'])
def test_unknown_events_are_taken_and_hold_nothing(kind: str, body: bytes) -> None:
    received = channel(kind).parse(request(body))
    assert (list(received.messages), received.answer.status) == ([], 200)


def choices(count: int, title: str = "Choice") -> tuple[Button, ...]:
    return tuple(Button(title=f"{title} {n}", payload=f"/c{n}") for n in range(1, count + 1))


def test_messenger_shows_quick_replies() -> None:
    (piece,) = channel("messenger").render([BotMessage(text="Which?", buttons=choices(2))], {})
    assert piece["text"] == "Which?"
    assert piece["quick_replies"][1] == {
        "content_type": "text",
        "title": "Choice 2",
        "payload": "/c2",
    }


def test_a_title_that_is_too_long_stands_in_the_text_in_full() -> None:
    buttons = choices(2, "Where is the parcel number")
    (piece,) = channel("messenger").render([BotMessage(text="Which?", buttons=buttons)], {})
    assert piece["text"].splitlines()[2] == "1. Where is the parcel number 1"
    titles = [reply["title"] for reply in piece["quick_replies"]]
    assert titles == ["1. Where is the par…", "2. Where is the par…"]


def test_more_than_13_choices_are_a_list() -> None:
    (piece,) = channel("messenger").render([BotMessage(text="Which?", buttons=choices(14))], {})
    assert list(piece) == ["text"]


def test_whatsapp_shows_3_buttons_10_rows_or_a_list() -> None:
    few, rows, many = (
        channel("whatsapp").render([BotMessage(text="哪一个？", buttons=choices(n, "选项"))], {})[0]
        for n in (3, 10, 11)
    )
    assert few["interactive"]["type"] == "button"
    assert few["interactive"]["action"]["buttons"][0] == {
        "type": "reply",
        "reply": {"id": "/c1", "title": "选项 1"},
    }
    assert rows["interactive"]["type"] == "list"
    assert rows["interactive"]["action"]["button"] == "请选择"
    assert len(rows["interactive"]["action"]["sections"][0]["rows"]) == 10
    assert many["type"] == "text"
    assert many["text"]["body"].endswith("11. 选项 11")


def test_a_long_text_comes_before_the_buttons() -> None:
    text = "A sentence of some length. " * 60
    pieces = channel("whatsapp").render([BotMessage(text=text, buttons=choices(2))], {})
    assert [piece["type"] for piece in pieces] == ["text", "interactive"]


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_custom_parts(kind: str) -> None:
    message = BotMessage(image="https://i.example/a.png", custom={kind: {"type": "x"}, "line": {}})
    custom, picture = channel(kind).render([message], {})
    assert custom == {"type": "x"}
    assert "https://i.example/a.png" in str(picture)


async def deliver(kind: str, side: Vendor) -> None:
    address = {"messenger": {"page": "PAGE", "recipient": "PSID"}}.get(
        kind, {"number": "PN", "to": "8613"}
    )
    (piece,) = channel(kind).render([BotMessage(text="hi")], address)
    async with aiohttp.ClientSession() as http:
        await channel(kind, side.url + "/v24.0").send(piece, address, key="k", http=http)


async def test_a_messenger_reply_is_posted() -> None:
    async with vendor() as side:
        side.say(200, {"recipient_id": "PSID", "message_id": "m_9"})
        await deliver("messenger", side)
    (call,) = side.ledger
    assert call.path == "/v24.0/PAGE/messages"
    assert call.headers["Authorization"] == "Bearer EAAB-SECRET"
    assert call.json() == {
        "recipient": {"id": "PSID"},
        "messaging_type": "RESPONSE",
        "message": {"text": "hi"},
    }


async def test_a_whatsapp_reply_is_posted() -> None:
    async with vendor() as side:
        side.say(200, {"messages": [{"id": "wamid.Z"}]})
        await deliver("whatsapp", side)
    (call,) = side.ledger
    assert call.path == "/v24.0/PN/messages"
    assert call.json() == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "8613",
        "type": "text",
        "text": {"body": "hi", "preview_url": False},
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "error", "permanent"),
    [
        (400, {"code": 131056, "message": "to +8613 too often"}, False),
        (400, {"code": 131047}, True),
        (400, {"code": 100, "error_subcode": 2018001}, True),
        (401, {"code": 190}, False),
        (403, {"code": 10}, True),
        (400, {"code": 2, "is_transient": True}, False),
        (500, {"code": 131000}, False),
        (200, {"code": 100}, True),
    ],
)
async def test_a_refusal_says_whether_to_try_again(
    kind: str, status: int, error: dict[str, Any], permanent: bool
) -> None:
    async with vendor() as side:
        side.say(status, {"error": error})
        with pytest.raises(SendError) as caught:
            await deliver(kind, side)
    assert caught.value.permanent is permanent
    subcode = error.get("error_subcode", "none")
    assert str(caught.value) == f"HTTP {status}, code {error['code']}, subcode {subcode}"
