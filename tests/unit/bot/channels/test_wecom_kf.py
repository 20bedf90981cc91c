from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, split, wecom_kf
from bot.channels.abilities import HandsOver, Pulled, Pulling
from bot.channels.channel import Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, sealed
from tests.unit.bot.channels.vendor import Vendor, vendor

BELL = """<xml><ToUserName>ww1</ToUserName><CreateTime>1348831860</CreateTime>
<MsgType>event</MsgType><Event>kf_msg_or_event</Event><Token>ENC1</Token>
<OpenKfId>wk1</OpenKfId></xml>"""
NOTICE = {"account": "wk1", "token": "ENC1"}
ADDRESS = {"to": "wm1", "account": "wk1"}
BUTTONS = (
    Button(title="Track", payload='/answer{"id": "track_how"}'),
    Button(title="No", payload="/no"),
)


def channel(**settings: Any) -> wecom_kf.WeComKf:
    keys = {"corp_id": RECEIVER, "secret": "SECRET", "token": TOKEN, "aes_key": AES_KEY}
    opened = catalogue.open_one("wecom_kf", keys | settings)
    assert isinstance(opened, wecom_kf.WeComKf)
    return opened


usual = functools.cache(channel)  # for what is pure


def received(req: Request) -> Received:
    made = usual()
    made.verify(req)
    return made.parse(req)


def said(msgid: str, **values: Any) -> dict[str, Any]:
    message = {
        "msgid": msgid,
        "open_kfid": "wk1",
        "external_userid": "wm1",
        "send_time": int(time.time()),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": f"text {msgid}"},
    }
    return message | values


def session(change: int, customer: str = "wm1") -> dict[str, Any]:
    event = {"event_type": "session_status_change", "external_userid": customer}
    return {"msgid": "e", "origin": 4, "msgtype": "event", "event": event | {"change_type": change}}


def page(*messages: Any, cursor: str = "c1", more: int = 0) -> dict[str, Any]:
    return {"errcode": 0, "next_cursor": cursor, "has_more": more, "msg_list": list(messages)}


@pytest.fixture
async def side() -> AsyncIterator[Vendor]:
    async with vendor() as made:
        made.say(200, {"errcode": 0, "access_token": "AT1", "expires_in": 7200})
        yield made


async def pulled(
    side: Vendor, state: dict[str, Any] | None = None, notice: dict[str, Any] | None = None
) -> Pulled:
    made = channel(api_url=side.url)
    async with aiohttp.ClientSession() as http:
        given_notice = NOTICE if notice is None else notice
        return await made.pull(given_notice, state or {}, http=http)


def state(cursor: str, served: tuple[str, ...] = (), account: str = "wk1") -> dict[str, Any]:
    return {"accounts": {account: {"cursor": cursor, "served": list(served)}}}


def test_the_bell_gives_a_notice_and_no_message() -> None:
    found = received(sealed(BELL))
    assert (found.notice, found.messages, found.answer.body) == (NOTICE, (), b"")
    assert isinstance(channel(), Pulling)
    assert isinstance(channel(), HandsOver)


@pytest.mark.parametrize("xml", ["<xml/>", BELL.replace("wk1", ""), BELL.replace("kf_msg", "x")])
def test_other_events_give_nothing(xml: str) -> None:
    assert received(sealed(xml)).notice is None


@given(st.binary(max_size=200))
def test_parse_raises_nothing_but_bad_request(xml: bytes) -> None:
    with contextlib.suppress(errors.BadRequest):
        received(sealed(xml))


async def test_a_pull_asks_from_the_cursor_and_gives_the_next(side: Vendor) -> None:
    chosen = said("m2", text={"content": "Track", "menu_id": "/track"})
    side.say(200, page(said("m1"), chosen, said("m3", msgtype="image"), more=1))
    found = await pulled(side, state("c0"))
    call = side.ledger[1]
    assert (call.path, call.query) == ("/cgi-bin/kf/sync_msg", {"access_token": "AT1"})
    assert call.json() == {"cursor": "c0", "token": "ENC1", "limit": 1000, "open_kfid": "wk1"}
    assert [(m.text, m.title) for m in found.messages] == [
        ("text m1", None),
        ("/track", "Track"),
        ("🖼️", None),
    ]
    assert [m.dedupe_key for m in found.messages] == ["m1", "m2", "m3"]
    assert (found.messages[0].account, found.messages[0].sender) == ("wk1", "wm1")
    assert found.messages[0].address == ADDRESS
    assert (found.state, found.more) == (state("c1"), True)


async def test_what_people_and_the_system_said_is_left_out(side: Vendor) -> None:
    side.say(200, page(said("m1", origin=5), said("m2", origin=4), said("m3", external_userid="")))
    assert (await pulled(side, state("c0"))).messages == []


async def test_who_is_served_by_a_person_is_not_answered(side: Vendor) -> None:
    side.say(200, page(said("m1"), session(1), said("m2"), said("m3", external_userid="wm2")))
    found = await pulled(side, state("c0"))
    assert [m.dedupe_key for m in found.messages] == ["m1", "m3"]
    assert found.state == state("c1", served=("wm1",))


async def test_when_the_session_has_ended_the_bot_answers_again(side: Vendor) -> None:
    side.say(200, page(said("m1"), session(3), said("m2")))
    found = await pulled(side, state("c0", served=("wm1",)))
    assert [m.dedupe_key for m in found.messages] == ["m2"]
    assert found.state == state("c1")


async def test_the_first_pull_leaves_old_messages_to_those_who_answered_them(side: Vendor) -> None:
    old = said("m1", send_time=int(time.time()) - 3600)
    side.say(200, page(old, said("m2")))
    assert [m.dedupe_key for m in (await pulled(side)).messages] == ["m2"]
    side.say(200, {"errcode": 0, "access_token": "AT1", "expires_in": 7200})
    side.say(200, page(old))
    assert [m.dedupe_key for m in (await pulled(side, state("c0"))).messages] == ["m1"]


async def test_the_start_asks_all_known_accounts(side: Vendor) -> None:
    side.say(200, page(said("m1"), cursor="c1"))
    side.say(200, page(cursor="c8"))
    made = channel(api_url=side.url, accounts=["wk2"])
    async with aiohttp.ClientSession() as http:
        found = await made.pull({}, state("c0"), http=http)
    assert [call.json()["open_kfid"] for call in side.ledger[1:]] == ["wk1", "wk2"]
    assert "token" not in side.ledger[1].json()
    assert found.state["accounts"]["wk2"] == {"cursor": "c8", "served": []}


async def test_an_expired_notice_is_asked_for_without_its_token(side: Vendor) -> None:
    side.say(200, {"errcode": 95016})
    side.say(200, page(said("m1")))
    assert len((await pulled(side, state("c0"))).messages) == 1
    assert "token" not in side.ledger[2].json()


async def test_a_pull_that_fails_changes_nothing(side: Vendor) -> None:
    side.say(500)
    with pytest.raises(SendError, match="HTTP 500"):
        await pulled(side, state("c0"))


@pytest.mark.parametrize(
    "odd",
    [
        {"errcode": 0},
        page("x", None, {}, {"origin": 3}, {**said("m", text=7, send_time="x"), "msgid": None}),
        page(session(1, ""), {"event": 7}, said("m", send_time=2**70)),
        {"errcode": 0, "msg_list": {"a": 1}, "next_cursor": 5, "has_more": "yes"},
    ],
)
async def test_an_odd_page_raises_nothing(side: Vendor, odd: dict[str, Any]) -> None:
    import json

    from aiohttp import web

    side.answers.append(web.Response(body=json.dumps(odd).encode()))
    found = await pulled(side, {"accounts": {"wk1": 7}})
    assert not found.more


def test_choices_become_a_menu_and_odd_ones_a_list() -> None:
    (piece,) = channel().render([BotMessage(text="Which?", buttons=BUTTONS)], ADDRESS)
    assert piece["msgmenu"] == {
        "head_content": "Which?",
        "list": [
            {"type": "click", "click": {"id": '/answer{"id": "track_how"}', "content": "Track"}},
            {"type": "click", "click": {"id": "/no", "content": "No"}},
        ],
    }
    long = (Button(title="字" * 43, payload="/x"),)
    for buttons, text in ((BUTTONS * 6, "Which?"), (long, "Which?"), (BUTTONS, "x" * 1025)):
        (piece,) = channel().render([BotMessage(text=text, buttons=buttons)], ADDRESS)
        assert "\n1. " in piece["text"]["content"]


@given(st.text(max_size=1500))
def test_every_text_keeps_to_the_limit_in_bytes(words: str) -> None:
    for piece in usual().render([BotMessage(text=words * 2)], ADDRESS):
        assert 0 < split.utf8(piece["text"]["content"]) <= 2048


async def test_sending_and_handing_over(side: Vendor) -> None:
    made = channel(api_url=side.url)
    pieces = [*made.render([BotMessage(text="你好")], ADDRESS), *made.handover(ADDRESS)]
    async with aiohttp.ClientSession() as http:
        for piece in pieces:
            side.say(200, {"errcode": 0})
            await made.send(piece, ADDRESS, key="k1", http=http)
    _, text, queue = side.ledger
    assert text.path == "/cgi-bin/kf/send_msg"
    body = text.json()
    assert len(body.pop("msgid")) == 32
    assert body == {
        "touser": "wm1",
        "open_kfid": "wk1",
        "msgtype": "text",
        "text": {"content": "你好"},
    }
    assert queue.path == "/cgi-bin/kf/service_state/trans"
    assert queue.json() == {"open_kfid": "wk1", "external_userid": "wm1", "service_state": 2}


@pytest.mark.parametrize(("code", "permanent"), [(95001, True), (95018, True), (-1, False)])
async def test_refusals(side: Vendor, code: int, permanent: bool) -> None:
    side.say(200, {"errcode": code})
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SendError, match=f"errcode {code}") as caught:
            await channel(api_url=side.url).send({}, ADDRESS, key="k", http=http)
    assert caught.value.permanent == permanent
