from __future__ import annotations

import contextlib
import functools
import json
from typing import Any

import aiohttp
import jwt
import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import catalogue, teams
from bot.channels.abilities import Mounted
from bot.channels.channel import Received, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.tokens import (
    APP_ID,
    SERVICE,
    activity,
    bearing,
    claims,
    jwks,
    private_key,
    token,
)
from tests.unit.bot.channels.vendor import NOW, Vendor, request, vendor

BUTTONS = (Button(title="Track", payload="/track"), Button(title="No", payload="/no"))


def channel(**settings: Any) -> teams.Teams:
    keys = {"app_id": APP_ID, "app_password": "PASSWORD"}
    opened = catalogue.open_one("teams", keys | settings)
    assert isinstance(opened, teams.Teams)
    return opened


usual = functools.cache(channel)  # for what is pure


async def with_keys(*kids: str, endorsements: tuple[str, ...] = ("msteams",)) -> teams.Teams:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(keys_url=side.url + "/keys")
        side.say(200, jwks(*kids, endorsements=endorsements))
        await made.keys.fetch(http)
    return made


def received(said: object) -> Received:
    return usual().parse(request(orjson.dumps(said)))


async def test_a_token_of_the_vendor_is_accepted() -> None:
    made = await with_keys()
    made.verify(bearing(token()))
    made.verify(request(orjson.dumps(activity()), {"authorization": f"bearer {token()}"}))
    made.verify(bearing(token(claims(aud=APP_ID.upper()))))
    made.verify(bearing(token(), now=NOW + 3600 + 299))


@pytest.mark.parametrize(
    "values",
    [
        {"iss": "https://sts.windows.net/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [APP_ID]},
        {"aud": None},
        {"exp": int(NOW) - 301},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": int(NOW) + 301},
        {"nbf": "x"},
        {"serviceurl": "https://evil.example/"},
        {"serviceurl": None},
        {"serviceurl": 7},
    ],
)
async def test_a_signed_token_that_says_the_wrong_thing_is_forged(values: dict[str, Any]) -> None:
    made = await with_keys()
    with pytest.raises(errors.Forged):
        made.verify(bearing(token(claims(**values))))


async def test_other_keys_algorithms_and_headers_are_forged() -> None:
    made = await with_keys("k1")
    public = private_key().public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    none = jwt.encode(claims(), "", algorithm="none", headers={"kid": "k1"})
    good = token()
    hs256 = jwt.encode({}, "x" * 32, algorithm="HS256", headers={"kid": "k1"})
    foreign = jwt.encode(claims(), private_key("k2"), algorithm="RS256", headers={"kid": "k1"})
    without_kid = jwt.encode(claims(), private_key(), algorithm="RS256")
    bearers = (none, hs256, foreign, without_kid, token(kid="k2"), good[:-4], good + "A", "", "ü")
    for bearer in (*bearers, "a.b.c", "x" * 9000, pem.decode()):
        with pytest.raises(errors.Forged):
            made.verify(bearing(bearer))
    for header in ("", "Basic x", good, f"Bearer {good} x", "Bearer"):
        with pytest.raises(errors.Forged):
            made.verify(request(orjson.dumps(activity()), {"Authorization": header}))
    with pytest.raises(errors.Forged):
        made.verify(request(orjson.dumps(activity())))
    with pytest.raises(errors.Forged):
        made.verify(bearing(good, b"\xff"))


async def test_a_key_must_be_endorsed_for_the_channel() -> None:
    made = await with_keys(endorsements=("webchat",))
    with pytest.raises(errors.Forged):
        made.verify(bearing(token()))
    (await with_keys(endorsements=())).verify(bearing(token()))


def test_without_keys_all_is_forged() -> None:
    with pytest.raises(errors.Forged):
        channel().verify(bearing(token()))


async def test_keys_are_fetched_before_the_first_request() -> None:
    async with vendor() as side:
        side.say(200, jwks())
        made = channel(keys_url=side.url + "/keys")
        assert isinstance(made, Mounted)
        app = web.Application()

        async def accept(_messages: object) -> None:
            raise AssertionError

        made.mount(app, accept)
        runner = web.AppRunner(app)
        await runner.setup()
        made.verify(bearing(token()))
        await runner.cleanup()
    assert len(side.ledger) == 1


def test_a_message() -> None:
    (said,) = received(activity()).messages
    assert (said.account, said.sender, said.text) == (APP_ID, "29:person", "hello")
    assert said.dedupe_key == "a:conv1:1485983408511"
    assert said.address["service_url"] == SERVICE
    assert json.loads(json.dumps(said.address)) == said.address


def test_in_a_channel_the_mention_is_left_out_and_people_are_kept_apart() -> None:
    place = {"conversationType": "channel", "id": "19:x@thread.tacv2;messageid=1"}
    mention = {"type": "mention", "text": "<at>Bot</at>", "mentioned": {"id": "28:bot"}}
    text = "<at>Bot</at>&nbsp;where is it?"
    (said,) = received(activity(text=text, entities=[mention], conversation=place)).messages
    assert said.text == "where is it?"
    assert said.sender == "19:x@thread.tacv2;messageid=1:29:person"


def test_a_button_gives_payload_and_title_and_a_picture_a_sign() -> None:
    pressed = activity(text="/track", value={"payload": "/track", "title": "Track"})
    (said,) = received(pressed).messages
    assert (said.text, said.title) == ("/track", "Track")
    picture = activity(text="", attachments=[{"contentType": "image/png"}])
    assert received(picture).messages[0].text == "🖼️"


@pytest.mark.parametrize(
    "values",
    [
        {"type": "conversationUpdate"},
        {"type": "invoke"},
        {"type": None},
        {"from": {"id": "28:bot"}},
        {"from": {"id": "x", "role": "bot"}},
        {"from": None},
        {"conversation": {"id": ""}},
    ],
)
def test_other_activities_and_echoes_give_nothing(values: dict[str, Any]) -> None:
    assert received(activity(**values)).messages == ()


@pytest.mark.parametrize(
    "service",
    [
        "http://smba.trafficmanager.net/",
        "https://evil.trafficmanager.net/",
        "https://smba.trafficmanager.net@evil.example/",
        "https://127.0.0.1/",
        "//smba.trafficmanager.net/",
        "",
    ],
)
async def test_an_address_of_somebody_else_is_refused_twice(service: str) -> None:
    with pytest.raises(errors.BadRequest, match="serviceUrl"):
        received(activity(serviceUrl=service))
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(login_url=side.url)
        address = {"service_url": service, "conversation": {"id": "c"}, "activity_id": "1"}
        with pytest.raises(SendError) as caught:
            await made.send({}, address, key="k", http=http)
    assert caught.value.permanent
    assert side.ledger == []  # not even a token was fetched


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
NAMES = [*sorted(activity()), "entities", "attachments", "value"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_activities_of_any_shape_raise_nothing_but_bad_request(values: dict[str, Any]) -> None:
    with contextlib.suppress(errors.BadRequest):
        usual().parse(request(json.dumps(activity() | values).encode()))


@given(st.binary(max_size=99))
def test_bodies_of_any_bytes_raise_nothing_but_bad_request(body: bytes) -> None:
    with contextlib.suppress(errors.BadRequest):
        usual().parse(request(body))


def test_choices_become_a_card_whose_payloads_are_unseen() -> None:
    (piece,) = usual().render([BotMessage(text="Which?", buttons=BUTTONS)], {})
    assert piece["text"] == "Which?"
    (card,) = piece["attachments"]
    assert card["content"]["buttons"][0] == {
        "type": "messageBack",
        "title": "Track",
        "displayText": "Track",
        "text": "/track",
        "value": {"payload": "/track", "title": "Track"},
    }
    (piece,) = usual().render([BotMessage(text="Which?", buttons=BUTTONS * 4)], {})
    assert piece["text"].endswith("\n8. No")


def test_long_texts_are_split_by_utf16() -> None:
    pieces = usual().render([BotMessage(text="🙂" * 12_000)], {})
    assert [len(piece["text"]) for piece in pieces] == [5000, 5000, 2000]


async def sent(side: Vendor, **address: Any) -> None:
    made = channel(service_hosts=(side.url,), login_url=side.url)
    (said,) = made.parse(request(orjson.dumps(activity(serviceUrl=side.url + "/teams/")))).messages
    (piece,) = made.render([BotMessage(text="你好")], said.address)
    async with aiohttp.ClientSession() as http:
        await made.send(piece, {**said.address, **address}, key="k", http=http)


TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "AT1"}


async def test_a_reply() -> None:
    async with vendor() as side:
        side.say(200, TOKEN)
        side.say(201, {"id": "2"})
        await sent(side)
    login, reply = side.ledger
    assert login.path == "/botframework.com/oauth2/v2.0/token"
    assert b"client_secret=PASSWORD" in login.body
    assert b"scope=https%3A%2F%2Fapi.botframework.com%2F.default" in login.body
    assert reply.path == "/teams/v3/conversations/a:conv1/activities/1485983408511"
    assert reply.headers["Authorization"] == "Bearer AT1"
    assert reply.json() == {
        "type": "message",
        "text": "你好",
        "textFormat": "plain",
        "from": {"id": "28:bot", "name": "Bot"},
        "recipient": {"id": "29:person", "aadObjectId": "a1"},
        "conversation": {"conversationType": "personal", "tenantId": "t1", "id": "a:conv1"},
        "replyToId": "1485983408511",
    }


async def test_an_expired_token_is_renewed_once() -> None:
    async with vendor() as side:
        side.say(200, TOKEN)
        side.say(401)
        side.say(200, TOKEN | {"access_token": "AT2"})
        side.say(201)
        await sent(side)
    assert side.ledger[3].headers["Authorization"] == "Bearer AT2"


@pytest.mark.parametrize(
    ("status", "permanent", "wait_s"),
    [(429, False, 3.0), (412, False, 3.0), (502, False, 3.0), (403, False, 3.0), (400, True, 3.0)],
)
async def test_refusals(status: int, permanent: bool, wait_s: float) -> None:
    async with vendor() as side:
        side.say(200, TOKEN)
        side.say(status, {"error": {"message": "AT1"}}, Retry_After="3")
        with pytest.raises(SendError) as caught:
            await sent(side)
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, wait_s)
    assert "AT1" not in str(caught.value)


@pytest.mark.parametrize("odd", ["", "..", ".", None])
async def test_an_odd_id_is_no_way_to_another_call(odd: object) -> None:
    async with vendor() as side:
        with pytest.raises(SendError, match="no id"):
            await sent(side, conversation={"id": odd})
    assert side.ledger == []


async def test_ids_are_quoted() -> None:
    async with vendor() as side:
        side.say(200, TOKEN)
        await sent(side, conversation={"id": "a/../../b?c#d"})
    assert side.ledger[1].path == "/teams/v3/conversations/a/../../b?c#d/activities/1485983408511"
    assert side.ledger[1].query == {}


async def test_the_check_asks_for_a_token_and_the_keys() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        made = channel(login_url=side.url, keys_url=side.url)
        side.say(401, {"error": "invalid_client", "error_description": "PASSWORD"})
        side.say(200, {"keys": []})
        wrong = await made.check(webhook_url="https://b.example", http=http)
        side.say(200, TOKEN)
        side.say(200, jwks())
        right = await made.check(webhook_url="https://b.example", http=http)
    assert [finding.ok for finding in (*wrong, *right)] == [False, False, True, True]
    assert "PASSWORD" not in wrong[0].what
