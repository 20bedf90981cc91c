"""Channels that come by entry point: the example of the docs, and one that answers passively."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from bot import errors
from bot.channels import catalogue
from bot.gateway import outgoing
from bot.stress import ledger
from bot.stress.echo import EchoEngine
from bot.web import webhooks
from bot.web.keys import GATEWAY
from tests.conftest import ROOT
from tests.unit.bot import own_channels
from tests.unit.bot.gateway_app import Running, running, until

EXAMPLE = ROOT / "docs/examples/frontdesk_pager.py"
PASSIVE = ROOT / "tests/unit/bot/channels_of_others/passive_pager.py"
CALLED = "/webhooks/pager/webhook"


def test_the_example_has_at_most_60_lines() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 60


async def test_the_example_talks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_channels.install(tmp_path, monkeypatch, "pager", EXAMPLE)
    body = json.dumps({"id": "1", "from": "u", "text": "hello 你好"}).encode()
    signature = hmac.digest(b"s3cret", body, hashlib.sha256).hex()
    async with ledger.vendor() as book:
        channels = {"pager": {"secret": "s3cret", "url": f"{book.url}/callback"}}
        async with running(tmp_path / "data", book=book, channels=channels) as it:
            for given, status in ((signature, 200), (signature[:-1], 401), (signature, 200)):
                headers = {"X-Pager-Signature": given}
                async with it.http.post(it.url + CALLED, data=body, headers=headers) as answer:
                    assert answer.status == status
            await until(lambda: book.texts("callback") == ["hello 你好"])


def test_a_setting_that_the_example_does_not_know_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_channels.install(tmp_path, monkeypatch, "pager", EXAMPLE)
    with pytest.raises(errors.ConfigError) as caught:
        catalogue.open_one("pager", {"secret": "s3cret", "url": "u", "tokn": "canary"})
    assert "tokn" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["rest", "Widget", "a b", "", "../x"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(errors.ConfigError, match="cannot be named"):
        catalogue.open_one(name, {"kind": "telegram"})


def test_an_unknown_kind_names_its_neighbour() -> None:
    with pytest.raises(errors.ConfigError, match="Did you mean 'telegram'"):
        catalogue.open_one("telegrm", {})


async def ask(it: Running, key: str, text: str = "hello") -> tuple[int, bytes]:
    body = {"id": key, "from": f"u{key}", "text": text}
    headers = {"X-Secret": "open sesame"}
    async with it.http.post(it.url + CALLED, json=body, headers=headers) as answer:
        return answer.status, await answer.read()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor who hangs up and tries again at once."""
    monkeypatch.setattr(webhooks, "LEFT_OPEN_S", 0.0)
    monkeypatch.setattr(outgoing, "TRY_EVERY_S", 0.0)


class Gated(EchoEngine):
    """Answers when it may."""

    gate: asyncio.Event

    async def reply(self, *given: Any) -> Any:  # noqa: ANN401
        await self.gate.wait()
        return await super().reply(*given)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("missed", [0, 1, 2, 3])
async def test_a_reply_is_said_once_in_the_response_or_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missed: int
) -> None:
    """R13, in small: a late answer is fetched by the next try; after the last it is sent."""
    own_channels.install(tmp_path, monkeypatch, "pager", PASSIVE)
    async with ledger.vendor() as book:
        channels = {"pager": {"url": f"{book.url}/callback"}}
        async with running(tmp_path / "data", book=book, channels=channels) as it:
            it.engine.__class__ = Gated
            Gated.gate = asyncio.Event()
            gateway, calls = it.app[GATEWAY], EchoEngine.calls
            channel: Any = gateway.channels["pager"]
            channel.passive_within_s = 0.02  # too soon
            late = [await ask(it, "1") for _ in range(missed)]
            if missed < 3:
                channel.passive_within_s = 60.0  # soon enough
                Gated.gate.set()
                found = await ask(it, "1")
                assert late == [(503, b"")] * missed
                assert found == (200, b'["re: hello"]')
                assert await ask(it, "1") == found, "a repeat hears the same"
            else:
                Gated.gate.set()
                assert late == [(503, b"")] * 2 + [(200, b"success")]
                await until(lambda: book.texts("callback") == ["hello"])
            await until(lambda: not len(gateway.sender))
            assert EchoEngine.calls == calls + 1
            assert len(book.taken) == (missed == 3)
