"""The action server that misbehaves, and the projects of `frontdesk bench actions`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import errors
from bot.actions.client import ActionClient, Elsewhere, Endpoint
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.tracker import Tracker
from bot.project.project import examine
from bot.stress import illactions, illserver
from bot.stress.process import free_port

DOMAIN = Domain(
    intents={}, entities=frozenset(), slots={}, responses={}, actions=(), forms={}, raw={}
)
DEADLINE_S = 0.4


@pytest.fixture
async def client() -> AsyncIterator[ActionClient]:
    """Calls a misbehaving server in this process."""
    port = free_port()
    serving = asyncio.create_task(illserver.serve(port, DEADLINE_S))
    where = Elsewhere(Endpoint(url=f"http://127.0.0.1:{port}/webhook"))
    calling = ActionClient(where, DOMAIN, deadline_s=DEADLINE_S)
    await asyncio.sleep(0.05)
    yield calling
    await calling.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("action", [illserver.FINE, "action_slow"])
async def test_what_is_in_time_is_an_answer(client: ActionClient, action: str) -> None:
    done = await client.for_turn().run(action, Tracker("anna", DOMAIN, Sight()))
    assert [one["text"] for one in done.responses] == ["fine"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("action_too_slow", "took longer"),
        ("action_never", "took longer"),
        ("action_garbage", "broke off"),
        ("action_no_json", "no JSON"),
        ("action_nonsense", "no list"),
        ("action_error", "answered 500"),
        ("action_cuts", "broke off"),
        ("action_huge", "more than"),
        ("action_endless", "took longer"),
    ],
)
async def test_each_misbehaviour_is_what_it_is_called(
    client: ActionClient, action: str, words: str
) -> None:
    with pytest.raises(errors.ActionError, match=words):
        await client.for_turn().run(action, Tracker("anna", DOMAIN, Sight()))


@pytest.mark.parametrize("port", [0, 5055])
def test_the_project_can_serve(tmp_path: Path, port: int) -> None:
    names = list(illserver.BEHAVIOURS if port else illactions.BESIDE)
    illactions.write_project(tmp_path, names, port)
    project, findings = examine(tmp_path, {})
    assert findings.errors == []
    assert set(names) == set(project.domain.actions)
    assert (tmp_path / "actions.py").exists() is (port == 0)


def figures(**changes: float) -> illactions.Trouble:
    known: dict[str, float] = {
        "deadline_s": 2.0,
        "slowest_reply_s": 2.4,
        "unanswered": 0,
        "words_p50_ms": 10,
        "words_p99_ms": 60,
        "words_alone_p50_ms": 9,
        "words_alone_p99_ms": 30,
        "actions_p50_ms": 10,
        "actions_p99_ms": 60,
        "actions_failed": 0,
        "actions_asked": 40,
    }
    return illactions.Trouble(where="server", action="action_x", **(known | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{"slowest_reply_s": 2.51}, {"unanswered": 1}, {"words_p50_ms": 20}, {"words_p99_ms": 131}],
)
def test_what_is_not_as_promised_is_bad(changes: dict[str, float]) -> None:
    assert figures().is_good
    assert not figures(**changes).is_good
