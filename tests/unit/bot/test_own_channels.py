"""Channels that come by entry point: the example of the docs, and one that answers passively."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

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
    """A vendor who hangs up and tries again sooner than WeChat."""
    monkeypatch.setattr(webhooks, "LEFT_OPEN_S", 0.0)
    monkeypatch.setattr(outgoing, "TRY_EVERY_S", 0.0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("takes_s", "tries"), [(0.0, 1), (0.45, 2), (0.75, 3), (1.2, 4)])
async def test_a_reply_is_said_once_in_the_response_or_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_s: float, tries: int
) -> None:
    """R13, in small: a late answer is fetched by the next try; after the last it is sent."""
    own_channels.install(tmp_path, monkeypatch, "pager", PASSIVE)
    async with ledger.vendor() as book:
        channels = {"pager": {"url": f"{book.url}/callback"}}
        async with running(tmp_path / "data", book=book, channels=channels, takes_s=takes_s) as it:
            before = EchoEngine.calls
            found = []
            for _ in range(3):
                found.append(await ask(it, "1"))
                if found[-1][0] == 200:
                    break
            if tries <= 3:
                assert found == [(503, b"")] * (tries - 1) + [(200, b'["re: hello"]')]
                assert await ask(it, "1") == found[-1], "a repeat hears the same"
            else:
                assert found == [(503, b"")] * 2 + [(200, b"success")]
                await until(lambda: book.texts("callback") == ["hello"])
            gateway = it.app[GATEWAY]
            await until(lambda: not len(gateway.sender))
            assert EchoEngine.calls == before + 1
            assert len(book.taken) == (tries > 3)
