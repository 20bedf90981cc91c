"""Every recorded conversation of the real Rasa 3.6, played against the engine and compared."""

from __future__ import annotations

import json
import uuid
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import replaying
from tests.conformance.replaying import HERE, Bot, Played

PROJECTS = sorted(path.name for path in (HERE / "projects").iterdir())


def turns(name: str, *, with_actions: bool) -> list[list[dict[str, Any]]]:
    """The recorded conversations of a project."""
    lines = (HERE / "traces" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    grouped = groupby(map(json.loads, lines), key=lambda turn: str(turn["conversation"]))
    found = [list(conversation) for _, conversation in grouped]
    return [one for one in found if (one[0].get("action_server") is not False) is with_actions]


@pytest.mark.parametrize("name", PROJECTS)
async def test_conversations_go_as_in_rasa(name: str, tmp_path: Path) -> None:
    different: list[str] = []
    async with replaying.bot(name, tmp_path) as bot:
        for conversation in turns(name, with_actions=True):
            different += await compare(bot, conversation)
    assert different == []


async def test_conversations_without_an_action_server_go_as_in_rasa(tmp_path: Path) -> None:
    different: list[str] = []
    async with replaying.bot("12_action_errors", tmp_path, with_actions=False) as bot:
        for conversation in turns("12_action_errors", with_actions=False):
            different += await compare(bot, conversation)
    assert different == []


async def compare(bot: Bot, conversation: list[dict[str, Any]]) -> list[str]:
    """What goes otherwise than recorded."""
    first, different = f"replay-{uuid.uuid4().hex}", []
    before: dict[str, int] = {}
    for turn in conversation:
        step = turn["step"]
        sender = first + (f"-{step['sender']}" if "sender" in step else "")
        if turn.get("timeout"):
            break  # Rasa never answered, so there is nothing to compare from here on
        played = await replaying.play(bot, sender, turn, before.get(sender, 0))
        before[sender] = len(played.tracker.tail) if played.status == 200 else 0
        if turn["deterministic"] and "slots" in turn:
            place = f"{turn['conversation']} {turn['turn']} {json.dumps(step, ensure_ascii=False)}"
            different += [f"{place}: {what}" for what in _differences(turn, played)]
    return different


def _differences(turn: dict[str, Any], played: Played) -> list[str]:
    state = played.tracker.state
    wanted_events = [replaying.as_recorded(event) for event in turn["events"]]
    compared: list[tuple[str, Any, Any]] = [
        ("status", turn.get("status", 200), played.status),
        ("slots", turn["slots"], dict(state.slots)),
        ("active_loop", (turn["active_loop"] or {}).get("name"), state.loop_name),
        ("latest_action_name", turn["latest_action_name"], state.action_name),
        ("paused", turn["paused"], state.paused),
        ("followup_action", turn["followup_action"], state.followup),
        ("events", wanted_events, played.events),
    ]
    if played.replies is not None:
        compared.append(("replies", turn["replies"], played.replies))
    return [
        f"{what}: {_first(wanted, there)}" for what, wanted, there in compared if wanted != there
    ]


def _first(wanted: Any, there: Any) -> str:
    """The first thing that differs."""
    if isinstance(wanted, list) and isinstance(there, list):
        pairs = zip([*wanted, None], [*there, None], strict=False)
        wanted, there = next((pair for pair in pairs if pair[0] != pair[1]), (wanted, there))
    if isinstance(wanted, dict) and isinstance(there, dict):
        keys = [key for key in wanted | there if wanted.get(key) != there.get(key)]
        wanted = {key: wanted.get(key) for key in keys}
        there = {key: there.get(key) for key in keys}
    return f"recorded {wanted!r}, got {there!r}"
