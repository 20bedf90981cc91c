"""One gateway, seven channels: what a vendor seals is answered once, in both languages."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bot import errors
from bot.channels.channel import Request
from tests.unit.bot.channels import test_chatwoot as chatwoot
from tests.unit.bot.channels import test_dingtalk as dingtalk
from tests.unit.bot.channels import test_feishu as feishu
from tests.unit.bot.channels import test_wecom as wecom
from tests.unit.bot.channels import tokens
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, sealed
from tests.unit.bot.channels.test_wecom_kf import BELL, page, said
from tests.unit.bot.channels.vendor import Vendor, request, vendor
from tests.unit.bot.gateway_app import Running, running, until

ENGLISH, CHINESE = "Where is my parcel?", "我的包裹在哪里？"
YES = {
    "errcode": 0,
    "code": 0,
    "access_token": "AT",
    "expires_in": 7200,
    "tenant_access_token": "AT",
    "expire": 7200,
    "msg_list": [],
    "has_more": 0,
}
"""What every vendor says to everything."""


def sections(url: str) -> dict[str, dict[str, Any]]:
    keys = {"token": TOKEN, "aes_key": AES_KEY, "api_url": url}
    return {
        "wechat": {"app_id": RECEIVER, "app_secret": "x", "passive_within_s": 0.001, **keys},
        "wecom": {"corp_id": RECEIVER, "agent_id": 1, "secret": "x", **keys},
        "wecom_kf": {"corp_id": RECEIVER, "secret": "x", **keys},
        "feishu": {
            "app_id": "cli_1",
            "app_secret": "x",
            "encrypt_key": feishu.KEY,
            "verification_token": feishu.TOKEN,
            "api_url": url,
        },
        "dingtalk": {"app_key": "d", "app_secret": dingtalk.SECRET, "reply_hosts": [url]},
        "teams": {
            "app_id": tokens.APP_ID,
            "app_password": "x",
            "service_hosts": [url],
            "login_url": url,
            "keys_url": url,
        },
        "chatwoot": {"url": url, "bot_token": "b", "secret": chatwoot.SECRET},
    }


def of_wecom(text: str, key: int, _url: str) -> Request:
    xml = wecom.event(MsgType="text", Content=text, MsgId=str(key))
    return sealed(xml, at=time.time())


def of_feishu(text: str, key: int, _url: str) -> Request:
    event = feishu.message(orjson.dumps({"text": text}).decode())
    event["header"]["event_id"] = f"ev{key}"
    return feishu.sealed(event, at=time.time())


def of_dingtalk(text: str, key: int, url: str) -> Request:
    now_ms = int(time.time() * 1000)
    where = {"sessionWebhook": url + "/robot", "sessionWebhookExpiredTime": now_ms + 60_000}
    message = dingtalk.message(text={"content": text}, msgId=f"m{key}", **where)
    return dingtalk.signed(orjson.dumps(message), at=time.time())


def of_teams(text: str, key: int, url: str) -> Request:
    service = url + "/teams/"
    bearer = tokens.token(tokens.claims(time.time(), serviceurl=service))
    activity = tokens.activity(text=text, id=str(key), serviceUrl=service)
    return tokens.bearing(bearer, orjson.dumps(activity))


def of_chatwoot(text: str, key: int, _url: str) -> Request:
    return chatwoot.signed(orjson.dumps(chatwoot.event(id=key, content=text)), at=time.time())


@dataclass(frozen=True)
class Kind:
    """A vendor: how it sends a message, and where it is answered."""

    send: Callable[[str, int, str], Request]
    path: str


KINDS = {
    "wecom": Kind(of_wecom, "/cgi-bin/message/send"),
    "feishu": Kind(of_feishu, "/open-apis/im/v1/messages/om_1/reply"),
    "dingtalk": Kind(of_dingtalk, "/robot"),
    "teams": Kind(of_teams, "/teams/v3/conversations/"),
    "chatwoot": Kind(of_chatwoot, "/api/v1/accounts/1/conversations/5/messages"),
}


@contextlib.asynccontextmanager
async def all_channels(data: Path) -> AsyncIterator[tuple[Running, Vendor]]:
    async with vendor() as side:
        everything = {**YES, **tokens.jwks()}
        side.usual = lambda: web.Response(body=orjson.dumps(everything))
        async with running(data, channels=sections(side.url)) as gateway:
            yield gateway, side


async def post(gateway: Running, name: str, call: Request) -> tuple[int, bytes]:
    url = f"{gateway.url}/webhooks/{name}/webhook"
    sent = gateway.http.post(
        url, params=dict(call.query), data=call.body, headers=dict(call.headers)
    )
    async with sent as answer:
        return answer.status, await answer.read()


def enough(side: Vendor, path: str, count: int) -> bool:
    return len(heard(side, path)) >= count


def heard(side: Vendor, path: str) -> list[str]:
    """What was sent to a vendor's address, with escapes undone."""
    calls = [call for call in side.ledger if call.path.startswith(path)]
    return [call.body.decode().replace("\\", "") for call in calls]


@pytest.mark.parametrize("name", KINDS)
async def test_a_conversation_in_both_languages(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    async with all_channels(tmp_path) as (gateway, side):
        for number, text in enumerate((ENGLISH, CHINESE), start=1):
            for _ in range(3):  # the vendor repeats itself
                status, _ = await post(gateway, name, kind.send(text, number, side.url))
                assert status == 200
            await until(functools.partial(enough, side, kind.path, number))
        forged = kind.send("forged", 9, side.url)
        headers = {key: value[::-1] for key, value in forged.headers.items()}
        query = {key: value[::-1] for key, value in forged.query.items()}
        changed = Request(
            method="POST",
            url=forged.url,
            query=query,
            headers=headers,
            body=forged.body,
            received_at=0.0,
        )
        assert await post(gateway, name, changed) == (401, b"unauthorized")
    first, second = heard(side, kind.path)
    assert f"re: {ENGLISH}" in first
    assert f"re: {CHINESE}" in second


async def test_customer_service_fetches_from_its_cursor(tmp_path: Path) -> None:
    path = "/cgi-bin/kf/send_msg"
    async with all_channels(tmp_path) as (gateway, side):
        side.say(200, YES)  # the token
        side.say(200, page(said("m1", text={"content": ENGLISH}), cursor="c1"))
        assert await post(gateway, "wecom_kf", sealed(BELL, at=time.time())) == (200, b"")
        await until(lambda: len(heard(side, path)) >= 1)
        side.say(200, page(said("m1"), said("m2", text={"content": CHINESE}), cursor="c2"))
        assert (await post(gateway, "wecom_kf", sealed(BELL, at=time.time())))[0] == 200
        await until(lambda: len(heard(side, path)) >= 2)
    pulls = [call.json()["cursor"] for call in side.ledger if call.path.endswith("sync_msg")]
    assert pulls == ["", "c1"]
    replies = heard(side, path)
    assert f"re: {ENGLISH}" in replies[0]
    assert f"re: {CHINESE}" in replies[1]
    assert len(replies) == 2


async def test_a_cursor_never_gets_ahead_of_its_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full_disk(*_values: object, **_more: object) -> None:
        raise errors.StoreError

    path = "/cgi-bin/kf/send_msg"
    async with all_channels(tmp_path) as (gateway, side):
        with monkeypatch.context() as patched:
            patched.setattr(gateway.parts.store.journal, "accept", full_disk)
            side.say(200, YES)  # the token
            side.say(200, page(said("m1"), cursor="c1"))
            assert (await post(gateway, "wecom_kf", sealed(BELL, at=time.time())))[0] == 503
        side.say(200, page(said("m1"), cursor="c1"))
        assert (await post(gateway, "wecom_kf", sealed(BELL, at=time.time())))[0] == 200
        await until(lambda: len(heard(side, path)) >= 1)
    pulls = [call.json()["cursor"] for call in side.ledger if call.path.endswith("sync_msg")]
    assert pulls[:2] == ["", ""]  # the gateway may ask once more of its own accord
    assert len(heard(side, path)) == 1


async def test_a_person_is_asked_for_at_the_vendor(tmp_path: Path) -> None:
    async with all_channels(tmp_path) as (gateway, side):
        await post(gateway, "chatwoot", of_chatwoot("/handoff", 1, side.url))
        path = "/api/v1/accounts/1/conversations/5/toggle_status"
        await until(lambda: len(heard(side, path)) >= 1)
    assert heard(side, path) == ['{"status":"open"}']
    assert len(heard(side, KINDS["chatwoot"].path)) == 1


async def test_the_url_checks_of_the_vendors(tmp_path: Path) -> None:
    async with all_channels(tmp_path) as (gateway, _):
        check = request(
            orjson.dumps({"type": "url_verification", "challenge": "c", "token": feishu.TOKEN})
        )
        assert await post(gateway, "feishu", check) == (200, b'{"challenge":"c"}')
        call = sealed("<xml/>", at=time.time())
        encrypted = call.body.decode().partition("CDATA[")[2].partition("]]")[0]
        query = {**call.query, "echostr": encrypted}
        url = f"{gateway.url}/webhooks/wecom/webhook"
        async with gateway.http.get(url, params=query) as answer:
            assert (answer.status, await answer.read()) == (200, b"<xml/>")
