"""`frontdesk channel check`: what each channel tells an operator, for good and bad credentials."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from bot.channels import catalogue
from bot.channels.abilities import Checking, Finding
from bot.stress.process import free_port
from tests.contract import sealed_samples
from tests.contract.samples import SAMPLES
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER
from tests.unit.bot.channels.vendor import vendor

HOOK = "https://bot.example/webhooks/x/webhook"
SECTIONS: dict[str, dict[str, str]] = {
    "slack": {"signing_secret": "s", "bot_token": "SECRET"},
    "telegram": {"bot_token": "1:SECRET", "secret": "a-secret-of-16-or-more"},
    "messenger": {"app_secret": "s", "verify_token": "verify-me", "access_token": "SECRET"},
    "whatsapp": {"app_secret": "s", "verify_token": "verify-me", "access_token": "SECRET"},
    "line": {"channel_secret": "s", "access_token": "SECRET"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "SECRET"},
    "dingtalk": {"app_key": "ding1", "app_secret": "SECRET"},
}
GOOD: dict[str, list[object]] = {
    "slack": [{"ok": True, "user": "desk", "team": "Willow"}],
    "telegram": [
        {"ok": True, "result": {"username": "desk"}},
        {"ok": True, "result": {"url": HOOK}},
    ],
    "messenger": [{"id": "1", "name": "Willow"}],
    "whatsapp": [{"id": "1", "name": "Willow"}],
    "line": [{"displayName": "Willow"}, {"endpoint": HOOK, "active": True}],
    "twilio": [{"status": "active"}, {"incoming_phone_numbers": [{"sms_url": HOOK}]}],
    "dingtalk": [{"accessToken": "AT", "expireIn": 7200}],
}
ELSEWHERE: dict[str, list[object]] = {
    "telegram": [{"ok": True, "result": {}}, {"ok": True, "result": {"url": ""}}],
    "line": [{"displayName": "Willow"}, {"endpoint": "https://old.example/", "active": False}],
    "twilio": [{"status": "active"}, {"incoming_phone_numbers": [{"sms_url": 5.5}, None]}],
}


async def check(kind: str, *answers: tuple[int, object]) -> list[tuple[bool, str, str]]:
    async with vendor() as side, aiohttp.ClientSession() as http:
        for status, data in answers:
            side.say(status, data)
        channel = catalogue.open_one(kind, {**SECTIONS[kind], "api_url": side.url})
        assert isinstance(channel, Checking)
        found = await channel.check(webhook_url=HOOK, http=http)
    return [(one.ok, one.what, one.hint) for one in found]


@pytest.mark.parametrize("kind", GOOD)
async def test_good_credentials_are_good(kind: str) -> None:
    found = await check(kind, *((200, data) for data in GOOD[kind]))
    assert [ok for ok, _, _ in found] == [True] * len(GOOD[kind])


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("answer", [(401, {"error": "invalid_auth"}), (200, "hi"), (500, None)])
async def test_bad_ones_come_with_the_next_step_and_are_not_shown(
    kind: str, answer: tuple[int, object]
) -> None:
    found = await check(kind, answer, answer)
    wrong = [(what, hint) for ok, what, hint in found if not ok]
    assert wrong
    assert all(hint for _, hint in wrong)
    assert "SECRET" not in str(found)


@pytest.mark.parametrize("kind", ELSEWHERE)
async def test_a_vendor_that_calls_elsewhere_is_told(kind: str) -> None:
    found = await check(kind, *((200, data) for data in ELSEWHERE[kind]))
    assert any(HOOK in what and hint for ok, what, hint in found if not ok)


@pytest.mark.parametrize("kind", SECTIONS)
async def test_a_vendor_that_is_not_there_is_told(kind: str) -> None:
    async with aiohttp.ClientSession() as http:
        section = {**SECTIONS[kind], "api_url": "http://127.0.0.1:1"}
        channel = catalogue.open_one(kind, section)
        assert isinstance(channel, Checking)
        (found,) = await channel.check(webhook_url=HOOK, http=http)
    assert not found.ok
    assert found.what.startswith("The vendor was not reached: ")


ORIGIN = "https://shop.example"
ALL: dict[str, dict[str, object]] = {
    **{one.kind: dict(one.settings) for one in (*SAMPLES, *sealed_samples.SAMPLES)},
    "socketio": {"session_key": "k" * 32, "allowed_origins": [ORIGIN]},
    "wecom_kf": {"corp_id": RECEIVER, "secret": "SECRET", "token": "t", "aes_key": AES_KEY},
}


@pytest.mark.parametrize("kind", catalogue.TABLE)
@pytest.mark.parametrize("status", [0, 401, 404, 500])
async def test_every_channel_names_the_next_step(kind: str, status: int) -> None:
    """Nobody there (0), or somebody who refuses whatever is asked."""
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.usual = lambda: web.Response(status=status or 200, text="{}")
        url = side.url if status else f"http://127.0.0.1:{free_port()}"
        fields = catalogue.module_of(kind).Settings.model_fields
        places: dict[str, object] = {
            name: url for name in ("api_url", "login_url", "keys_url", "url") if name in fields
        }
        channel = catalogue.open_one(kind, {**ALL[kind], **places})
        assert isinstance(channel, Checking)
        found = await channel.check(webhook_url=f"{url}/webhooks/x/webhook", http=http)
    wrong = [one for one in found if not one.ok]
    # A receiver of ours that refuses HEAD is there all the same.
    assert wrong or (kind in ("webhook", "callback") and status in (401, 500))
    assert [one for one in wrong if not one.hint] == []


async def checked_page(*statuses: int) -> list[Finding]:
    """What a socket.io channel finds where these answers are given."""
    async with vendor() as side, aiohttp.ClientSession() as http:
        for status in statuses:
            said = b'0{"sid":"x"}' if status == 200 else b'"Not an accepted origin."'
            side.answers.append(web.Response(status=status, body=said))
        channel = catalogue.open_one("socketio", ALL["socketio"])
        assert isinstance(channel, Checking)
        found = list(await channel.check(webhook_url=side.url + "/webhooks/x/webhook", http=http))
        assert [one.headers["Origin"] for one in side.ledger][:1] == [ORIGIN]
        assert {one.path for one in side.ledger} == {"/socket.io/"}
    return found


async def test_listed_pages_may_connect_and_others_may_not() -> None:
    assert [one.ok for one in await checked_page(200, 400)] == [True]


async def test_a_proxy_that_drops_the_origin_is_told() -> None:
    (_, found) = await checked_page(200, 200)
    assert not found.ok
    assert "Origin" in found.hint


async def test_a_receiver_is_asked_nothing_and_its_token_is_not_shown() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        section = {"url": f"{side.url}/bot?token=SECRET", "incoming_token": "SECRET"}
        channel = catalogue.open_one("callback", section)
        assert isinstance(channel, Checking)
        (found,) = await channel.check(webhook_url=HOOK, http=http)
        assert [one.method for one in side.ledger] == ["HEAD"]
    assert found.ok
    assert "SECRET" not in found.what
