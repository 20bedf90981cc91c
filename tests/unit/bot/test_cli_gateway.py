"""`frontdesk channel`, `outbox` and `webhook`: what they print and how they exit."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.standard import Keys
from bot.cli import entry
from bot.domain import Message
from bot.records import Incoming, Parcel
from bot.store import open_store
from bot.stress.vendors import SECRET

TOML = f"""
[server]
public_url = "http://127.0.0.1:9"
[channels.telegram]
bot_token = "1:canary"
secret = "sixteen-or-more-characters"
api_url = "http://127.0.0.1:9"
[channels.erp]
kind = "webhook"
url = "http://127.0.0.1:9"
secrets = ["{SECRET}"]
[events.crm]
url = "http://127.0.0.1:9/events"
secrets = ["{SECRET}"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with channels in its settings."""
    (tmp_path / "frontdesk.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "var").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        entry.main(words)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def bury(*keys: str) -> None:
    async def work() -> None:
        store = await asyncio.to_thread(open_store, "sqlite:///var/frontdesk.db")
        message = Message(
            id=uuid.uuid4().hex, channel="erp", sender="u", text="canary",
            received_at=datetime.now(UTC),
        )  # fmt: skip
        pieces = [
            Parcel(
                key=key, channel="erp", lane="u", turn_id=message.id, piece={"text": "canary"},
                address={}, due_at=0.0, created_at=0.0,
            )
            for key in keys
        ]  # fmt: skip
        await store.journal.accept([Incoming(message=message)], owner="a", outgoing=pieces)
        for key in keys:
            await store.journal.bury(key, attempts=20, error="HTTP 500")
        await store.close()

    asyncio.run(work())


def test_channels_are_listed_with_their_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "channel", "list", "--json")
    assert code == 0
    found = {row["name"]: row for row in json.loads(said)["channels"]}
    assert found["erp"] == {
        "name": "erp",
        "kind": "webhook",
        "delivery": "exactly_once",
        "webhook": "http://127.0.0.1:9/webhooks/erp/webhook",
    }
    assert found["telegram"]["delivery"] == "at_least_once"
    assert {"line", "slack", "telegram", "webhook"} <= set(json.loads(said)["kinds"])


def test_a_check_names_the_next_step_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "channel", "check", "telegram")
    assert code == 1
    assert "Start the server" in said
    assert "canary" not in said


def test_a_channel_that_is_not_set_up_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "channel", "check", "line")
    assert code == 2
    assert "[channels.line]" in said


def test_dead_letters_are_listed_without_their_words_and_replayed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bury("k1", "k2")
    code, said = run(capsys, "outbox", "list", "--json")
    assert code == 0
    assert [row["key"] for row in json.loads(said)] == ["k2", "k1"]
    assert "HTTP 500" in said
    assert "canary" not in said
    assert run(capsys, "outbox", "replay", "k1")[0] == 0
    code, said = run(capsys, "outbox", "replay", "k1")
    assert code == 2
    assert "no dead letters" in said
    assert run(capsys, "outbox", "replay", "--all")[0] == 0
    assert json.loads(run(capsys, "outbox", "list", "--json")[1]) == []
    assert len(json.loads(run(capsys, "outbox", "list", "--waiting", "--json")[1])) == 2


def test_replay_wants_to_know_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "outbox", "replay")[0] == 2


@pytest.mark.parametrize("name", ["crm", "erp"])
def test_a_signed_body_is_verified(
    capsys: pytest.CaptureFixture[str], folder: Path, name: str
) -> None:
    body = folder / "body.json"
    body.write_bytes(b'{"type":"x"}')
    for at, content, valid in (
        (time.time(), b'{"type":"x"}', True),
        (time.time(), b'{"type":"y"}', False),
        (time.time() - 400, b'{"type":"x"}', False),
    ):
        headers = Keys.of([SECRET]).sign("msg_1", at, content)
        words = ["webhook", "verify", name, str(body), "--id", "msg_1"]
        words += ["--timestamp", headers["webhook-timestamp"]]
        words += ["--signature", headers["webhook-signature"]]
        code, said = run(capsys, *words)
        assert (code == 0) is valid
        assert ("5 minutes" in said) is (at < time.time() - 300)


def test_a_sample_to_nobody_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "webhook", "send", "crm")
    assert code == 1
    assert "Is it running?" in said
    assert SECRET not in said
