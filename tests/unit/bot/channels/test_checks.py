"""`frontdesk channel check`: what each channel tells an operator, for good and bad credentials."""

from __future__ import annotations

import aiohttp
import pytest

from bot.channels import catalogue
from bot.channels.abilities import Checking
from tests.unit.bot.channels.vendor import vendor

HOOK = "https://bot.example/webhooks/x/webhook"
SECTIONS: dict[str, dict[str, str]] = {
    "slack": {"signing_secret": "s", "bot_token": "SECRET"},
    "telegram": {"bot_token": "1:SECRET", "secret": "a-secret-of-16-or-more"},
    "messenger": {"app_secret": "s", "verify_token": "verify-me", "access_token": "SECRET"},
    "whatsapp": {"app_secret": "s", "verify_token": "verify-me", "access_token": "SECRET"},
    "line": {"channel_secret": "s", "access_token": "SECRET"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "SECRET"},
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
