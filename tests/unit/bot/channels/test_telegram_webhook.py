"""Telegram is told at the start where to call, again until it has heard it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot import config
from bot.channels import telegram_webhook
from bot.channels.abilities import Mounted
from bot.web import openings
from tests.unit.bot.channels.vendor import Vendor, vendor

TOKEN = "123456:SECRET"
CREDENTIALS = f"""
telegram:
  access_token: "{TOKEN}"
  verify: my_bot
  webhook_url: https://shop.example/webhooks/telegram/webhook
"""


def settings(project: Path, api_url: str) -> config.Settings:
    """A Rasa project with a Telegram channel, whose API is ours."""
    (project / "credentials.yml").write_text(CREDENTIALS, encoding="utf-8")
    section = {"kind": "telegram", "api_url": api_url}
    return config.load(project=project, data=project / "var", channels={"telegram": section})


async def run_until(calls: int, project: Path, telegram: Vendor) -> None:
    """Let the application live until Telegram was called so often."""
    channel = openings.opened(settings(project, telegram.url), b"k" * 32)["telegram"]
    assert isinstance(channel, Mounted)
    app = web.Application()

    async def accept(*_messages: object) -> None:
        raise AssertionError("nobody writes")

    channel.mount(app, accept)
    runner = web.AppRunner(app)
    await runner.setup()
    for _ in range(500):
        if len(telegram.ledger) >= calls:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)  # for the answer to be read
    await runner.cleanup()


async def test_the_address_of_credentials_yml_is_told_once(tmp_path: Path) -> None:
    async with vendor() as telegram:
        telegram.say(200, {"ok": True, "result": True})
        with capture_logs() as logs:
            await run_until(1, tmp_path, telegram)
        (call,) = telegram.ledger
    assert (call.method, call.path) == ("POST", f"/bot{TOKEN}/setWebhook")
    told = call.json()
    assert told["url"] == "https://shop.example/webhooks/telegram/webhook"
    assert told["allowed_updates"] == ["message", "callback_query"]
    assert len(told["secret_token"]) >= 16
    assert [one["action"] for one in logs] == ["webhook_set"]


async def test_the_secret_is_the_one_that_updates_must_bring(tmp_path: Path) -> None:
    async with vendor() as telegram:
        telegram.say(200, {"ok": True})
        await run_until(1, tmp_path, telegram)
        chosen = openings.sections(settings(tmp_path, telegram.url), b"k" * 32)["telegram"]
        assert telegram.ledger[0].json()["secret_token"] == chosen["secret"]


async def test_it_is_told_again_until_telegram_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram_webhook, "FIRST_PAUSE_S", 0.01)
    async with vendor() as telegram:
        telegram.say(500)
        telegram.say(401, {"ok": False, "description": f"Unauthorized: {TOKEN}"})
        telegram.say(200, {"ok": True})
        with capture_logs() as logs:
            await run_until(3, tmp_path, telegram)
        assert len(telegram.ledger) == 3
    assert [one["action"] for one in logs] == ["webhook_not_set", "webhook_not_set", "webhook_set"]
    assert TOKEN not in str(logs)


async def test_a_telegram_that_is_away_does_not_stop_the_start(tmp_path: Path) -> None:
    channel = openings.opened(settings(tmp_path, "http://127.0.0.1:9"), b"k" * 32)["telegram"]
    assert isinstance(channel, Mounted)
    app = web.Application()

    async def accept(*_messages: object) -> None:
        raise AssertionError("nobody writes")

    channel.mount(app, accept)
    runner = web.AppRunner(app)
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            await runner.setup()
            for _ in range(300):
                if logs:
                    break
                await asyncio.sleep(0.01)
            await runner.cleanup()
    assert logs[0]["action"] == "webhook_not_set"
    assert TOKEN not in str(logs)
