"""The process with a project's own actions: started, replaced when it hangs, ended."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bot import errors
from bot.actions import ledger
from bot.actions.beside import ActionProcess
from bot.actions.client import ActionClient
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.tracker import Tracker

DOMAIN = Domain(
    intents={},
    entities=frozenset(),
    slots={},
    responses={},
    actions=("action_hang", "action_quick"),
    forms={},
    raw={"actions": ["action_hang", "action_quick"]},
)
CODE = """
import os
import sys
import time
from rasa_sdk import Action

print("loading")


class Die(Action):
    def name(self):
        return "action_die"

    def run(self, dispatcher, tracker, domain):
        time.sleep(0.5)
        os._exit(3)


class Chatter(Action):
    def name(self):
        return "action_chatter"

    def run(self, dispatcher, tracker, domain):
        print("x" * 300_000)
        return []


class Count(Action):
    def name(self):
        return "action_count"

    def run(self, dispatcher, tracker, domain):
        with open("count.txt", "a") as file:
            file.write("x")
        return []


class Hang(Action):
    def name(self):
        return "action_hang"

    def run(self, dispatcher, tracker, domain):
        time.sleep(60)
        return []


class Quick(Action):
    def name(self):
        return "action_quick"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="here")
        return []
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two actions."""
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "actions" / "actions.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def tracker(sender: str) -> Tracker:
    return Tracker(sender, DOMAIN, Sight())


async def test_an_action_that_hangs_blocks_nobody_else(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    try:
        await client.refresh()
        hanging = asyncio.create_task(client.for_turn().run("action_hang", tracker("anna")))
        await asyncio.sleep(1.5)  # until the next call finds it suspicious
        done = await client.for_turn().run("action_quick", tracker("ben"))
        assert [response["text"] for response in done.responses] == ["here"]
        assert not hanging.done()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    finally:
        await client.close()
        await process.close()


async def test_what_a_blocked_process_has_not_begun_runs_elsewhere_and_once(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    try:
        await client.refresh()
        hanging = asyncio.create_task(client.for_turn().run("action_hang", tracker("anna")))
        await _until_begun(process)
        started = time.monotonic()
        others = [client.for_turn().run("action_count", tracker(f"ben{n}")) for n in range(3)]
        await asyncio.gather(*others)
        assert time.monotonic() - started < 20  # not the minute that the other one sleeps
        assert not hanging.done()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    finally:
        await client.close()
        await process.close()
    assert (root / "count.txt").read_text(encoding="utf-8") == "xxx"


async def test_what_blocks_again_and_again_blocks_only_itself(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=6)
    try:
        await client.refresh()
        hang = [client.for_turn().run("action_hang", tracker(f"anna{n}")) for n in range(4)]
        hanging = asyncio.gather(*hang, return_exceptions=True)
        await _until_begun(process)
        await client.for_turn().run("action_count", tracker("ben"))
        used = process._all.used
        more = asyncio.create_task(client.for_turn().run("action_hang", tracker("carl")))
        for n in range(5):
            await client.for_turn().run("action_count", tracker(f"dora{n}"))
            await asyncio.sleep(0.1)
        assert process._all.used is used  # nothing blocked it
        assert all(isinstance(one, errors.ActionError) for one in await hanging)
        with pytest.raises(errors.ActionError, match="took longer"):
            await more
    finally:
        await client.close()
        await process.close()
    assert (root / "count.txt").read_text(encoding="utf-8") == "xxxxxx"


async def test_what_waited_for_a_process_that_died_runs_elsewhere_and_once(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    try:
        await client.refresh()
        dying = asyncio.create_task(client.for_turn().run("action_die", tracker("anna")))
        await _until_begun(process)
        await client.for_turn().run("action_count", tracker("ben"))
        with pytest.raises(errors.ActionError, match="broke off"):
            await dying
        used = process._all.used
        with pytest.raises(errors.ActionError, match="broke off"):
            await client.for_turn().run("action_die", tracker("anna"))
        assert process._all.used is used  # it died aside
        assert used is not None
        assert used.is_alive
    finally:
        await client.close()
        await process.close()
    assert (root / "count.txt").read_text(encoding="utf-8") == "x"


def test_a_call_that_is_given_up_is_not_begun_later() -> None:
    told: list[str] = []
    kept = ledger.Ledger(told.append)
    assert kept.begin("1")
    kept.give_up("1")
    kept.give_up("2")
    assert not kept.begin("2")
    assert told == ["began 1\n", "began 1\n", "skipped 2\n"]


async def test_actions_that_print_a_lot_go_on(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=20)
    try:
        for _ in range(2):
            assert (await client.for_turn().run("action_chatter", tracker("ben"))).events == ()
    finally:
        await client.close()
        await process.close()


async def test_who_gives_up_waiting_for_the_start_leaves_no_second_process(root: Path) -> None:
    process = ActionProcess(root)
    impatient = asyncio.create_task(process.refresh())
    await asyncio.sleep(0.05)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    starting = process._all.starting
    assert starting is not None
    first = await asyncio.shield(starting)
    await process.refresh()
    assert process._all.used is first
    await process.close()


async def _until_begun(process: ActionProcess) -> None:
    for _ in range(1000):
        used = process._all.used
        if used is not None and any(one.begun for one in used.calls.values()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no call was begun")


async def test_a_process_that_died_is_started_again(root: Path) -> None:
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    try:
        await client.refresh()
        assert process._all.used is not None
        process._all.used.process.kill()
        await process._all.used.process.wait()
        done = await client.for_turn().run("action_quick", tracker("ben"))
        assert [response["text"] for response in done.responses] == ["here"]
    finally:
        await client.close()
        await process.close()


async def test_actions_that_cannot_be_imported_are_an_error(root: Path) -> None:
    code = root / "actions" / "actions.py"
    code.write_text("import nosuchmodule", encoding="utf-8")
    process = ActionProcess(root)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    with pytest.raises(errors.ActionError, match="cannot be started"):
        await process.refresh()
    started = time.monotonic()
    for _ in range(20):  # each try would take half a second
        with pytest.raises(errors.ActionError, match="cannot be started"):
            await client.for_turn().run("action_quick", tracker("ben"))
    assert time.monotonic() - started < 0.5
    code.write_text(CODE, encoding="utf-8")
    await process.refresh()  # mended: it is tried at once
    await client.for_turn().run("action_quick", tracker("ben"))
    await client.close()
    await process.close()


@pytest.mark.parametrize("place", ["actions.py", "actions/deep/shop.py"])
async def test_actions_may_stand_anywhere_and_import_the_projects_modules(
    tmp_path: Path, place: str
) -> None:
    files = {place: f"from shop import stock\n{CODE}", "shop/stock.py": "", "shop/__init__.py": ""}
    if place.startswith("actions/"):
        files["actions/deep/__init__.py"] = ""
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    process = ActionProcess(tmp_path)
    client = ActionClient(process, DOMAIN, deadline_s=40)
    try:
        await client.refresh()
        done = await client.for_turn().run("action_quick", tracker("ben"))
        assert [response["text"] for response in done.responses] == ["here"]
    finally:
        await client.close()
        await process.close()
