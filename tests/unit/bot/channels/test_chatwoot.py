from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, chatwoot
from bot.channels.abilities import HandsOver
from bot.channels.channel import Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import NOW, Vendor, request, vendor

SECRET = "s1"
BUTTONS = (Button(title="Track", payload="/track"), Button(title="No", payload="/no"))
ADDRESS = {"account": "1", "conversation": "5"}


def channel(**settings: Any) -> chatwoot.Chatwoot:
    keys = {"url": "https://chat.example", "bot_token": "BOTTOKEN", "secret": SECRET}
    opened = catalogue.open_one("chatwoot", keys | settings)
    assert isinstance(opened, chatwoot.Chatwoot)
    return opened


usual = functools.cache(channel)  # for what is pure


def event(**values: Any) -> dict[str, Any]:
    said = {
        "event": "message_created",
        "id": 12,
        "content": "hi",
        "message_type": "incoming",
        "content_type": "text",
        "content_attributes": {},
        "private": False,
        "sender": {"id": 3, "type": "contact"},
        "inbox": {"id": 2, "name": "Web"},
        "conversation": {"id": 5, "status": "pending", "inbox_id": 2, "messages": []},
        "account": {"id": 1, "name": "Acme"},
    }
    return said | values


def signed(body: bytes, *, at: float = NOW, secret: str = SECRET) -> Request:
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "X-Chatwoot-Signature": "sha256=" + digest,
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Delivery": "d1",
    }
    return request(body, headers)


def received(said: object) -> Received:
    req = signed(orjson.dumps(said))
    usual().verify(req)
    return usual().parse(req)


def test_a_message_of_a_pending_conversation() -> None:
    (said,) = received(event()).messages
    assert (said.account, said.sender, said.text, said.title) == ("1", "5", "hi", None)
    assert said.dedupe_key == "12"
    assert said.address == ADDRESS


@pytest.mark.parametrize(
    "values",
    [
        {"message_type": "outgoing"},
        {"message_type": "activity"},
        {"message_type": "template"},
        {"message_type": 0},
        {"private": True},
        {"event": "conversation_opened"},
        {"event": "webwidget_triggered"},
        {"event": "message_updated"},
        {"conversation": {"id": 5, "status": "open"}},
        {"conversation": {"id": 5}},
        {"conversation": None},
        {"account": None},
    ],
)
def test_echoes_and_what_people_handle_give_nothing(values: dict[str, Any]) -> None:
    found = received(event(**values))
    assert (found.messages, found.answer.status) == ((), 200)


def test_a_choice_gives_payload_and_title_once_however_often_it_is_updated() -> None:
    chosen = {"submitted_values": [{"title": "Track", "value": "/track"}]}
    update = event(event="message_updated", message_type="outgoing", content_attributes=chosen)
    (said,) = received(update).messages
    (again,) = received(update | {"labels": ["x"]}).messages
    assert (said.text, said.title) == ("/track", "Track")
    assert said.dedupe_key == again.dedupe_key == "12:/track"


def test_a_picture_gets_a_sign() -> None:
    (said,) = received(event(content=None, attachments=[{"file_type": "image"}])).messages
    assert said.text == "🖼️"


def test_forged_and_stale_requests() -> None:
    good = signed(b"{}")
    headers = dict(good.headers)
    for bad in (
        request(b"{}"),
        request(b"{} ", headers),
        request(b"{}", headers | {"X-Chatwoot-Signature": headers["X-Chatwoot-Signature"][7:]}),
        request(b"{}", headers | {"X-Chatwoot-Signature": "sha256=ü"}),
        request(b"{}", headers | {"X-Chatwoot-Timestamp": str(int(NOW) + 1)}),
        signed(b"{}", secret="s2"),
        signed(b"{}", at=NOW - 301),
        signed(b"{}", at=NOW + 301),
    ):
        with pytest.raises(errors.Forged):
            usual().verify(bad)
    usual().verify(signed(b"\xff", at=NOW - 300))


def test_a_second_secret_is_accepted_too() -> None:
    made = channel(second_secret="s2")
    for secret in ("s1", "s2"):
        made.verify(signed(b"{}", secret=secret))
    with pytest.raises(errors.Forged):
        made.verify(signed(b"{}", secret=""))
    with pytest.raises(errors.ConfigError, match="secret is empty"):
        channel(second_secret="")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(event())), json_values))
def test_events_of_any_shape_raise_nothing(values: dict[str, Any]) -> None:
    usual().parse(signed(json.dumps(event() | values).encode()))


@given(st.binary(max_size=99))
def test_bodies_of_any_bytes_raise_nothing_but_bad_request(body: bytes) -> None:
    with contextlib.suppress(errors.BadRequest):
        usual().parse(signed(body))


def test_choices_become_a_selection_and_many_a_list() -> None:
    (piece,) = usual().render([BotMessage(text="Which?", buttons=BUTTONS)], ADDRESS)
    assert piece == {
        "content": "Which?",
        "message_type": "outgoing",
        "private": False,
        "content_type": "input_select",
        "content_attributes": {
            "items": [{"title": "Track", "value": "/track"}, {"title": "No", "value": "/no"}]
        },
    }
    (piece,) = usual().render([BotMessage(text="Which?", buttons=BUTTONS * 11)], ADDRESS)
    assert piece["content"].endswith("\n22. No")


async def sent(side: Vendor, piece: dict[str, Any], address: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as http:
        await channel(url=side.url + "/").send(piece, address, key="k", http=http)


async def test_replies_and_handing_over() -> None:
    (text,) = usual().render([BotMessage(text="你好")], ADDRESS)
    made = channel()
    assert isinstance(made, HandsOver)
    (opened,) = made.handover(ADDRESS)
    async with vendor() as side:
        await sent(side, text, ADDRESS)
        await sent(side, opened, ADDRESS)
    reply, toggle = side.ledger
    assert reply.path == "/api/v1/accounts/1/conversations/5/messages"
    assert reply.headers["api_access_token"] == "BOTTOKEN"
    assert reply.json() == {"content": "你好", "message_type": "outgoing", "private": False}
    assert toggle.path == "/api/v1/accounts/1/conversations/5/toggle_status"
    assert toggle.json() == {"status": "open"}


@pytest.mark.parametrize(
    ("status", "permanent"), [(404, True), (401, False), (429, False), (500, False)]
)
async def test_refusals(status: int, permanent: bool) -> None:
    async with vendor() as side:
        side.say(status, {"error": "BOTTOKEN"}, Retry_After="7")
        with pytest.raises(SendError) as caught:
            await sent(side, {}, ADDRESS)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, 7.0)
    assert "BOTTOKEN" not in str(caught.value)


@pytest.mark.parametrize("odd", ["", "1/../2", "x", None])
async def test_an_odd_number_is_no_way_to_another_call(odd: object) -> None:
    async with vendor() as side:
        with pytest.raises(SendError, match="no number") as caught:
            await sent(side, {}, ADDRESS | {"conversation": odd})
    assert caught.value.permanent
    assert side.ledger == []


async def test_the_check_tells_whether_a_chatwoot_is_there() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(url=side.url)
        for status, data, ok in (
            (200, {"version": "4.12.1"}, True),
            (200, {"hello": 1}, False),
            (404, None, False),
        ):
            side.say(status, data)
            (finding,) = await made.check(webhook_url="https://b.example", http=http)
            assert finding.ok == ok
