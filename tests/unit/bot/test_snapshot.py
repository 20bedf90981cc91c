"""A tracker restored from a snapshot is the one that a fold of all events gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from bot.dialogue import events, snapshot
from bot.dialogue.domain import Domain, Form
from bot.dialogue.history import Sight
from bot.dialogue.memory import Memory
from bot.dialogue.slots import Slot, SlotType
from bot.dialogue.tracker import KEPT_TAIL, Tracker
from bot.domain import Event
from tests.conformance import replaying
from tests.conformance.replaying import CHANNEL

DOMAIN = Domain(
    intents={"inform": None, "greet": None},
    entities=frozenset({"size"}),
    slots={
        name: Slot(name=name, type=kind, mappings=())
        for name, kind in (("name", SlotType.TEXT), ("size", SlotType.FLOAT))
    },
    responses={},
    actions=("action_a",),
    forms={"the_form": Form(name="the_form", required_slots=("size",))},
    raw={"actions": ["action_a"]},
)
SIGHT = Sight(rule_steps=5, story_steps=4)
TURNS = 1300


def told(turns: int) -> Iterator[Event]:
    """A long session in which a slot is set at its beginning only."""
    yield events.action("action_session_start")
    yield events.make("session_started")
    yield events.action("action_listen")
    yield events.slot("name", "Anna")
    for number in range(turns):
        intent = "inform" if number % 3 else "greet"
        parse = {"intent": {"name": intent}, "entities": [], "text": f"t{number}"}
        yield events.user(f"t{number}", parse, channel="rest", message_id=str(number))
        if number % 5 == 0:
            yield events.action("the_form", policy="RulePolicy", confidence=1.0)
            yield events.active_loop("the_form")
            yield events.slot("size", number / 7)
        if number % 5 == 4:
            yield events.active_loop(None)
        if number % 11 == 10:
            yield events.make("rewind")
        yield events.action("action_a", policy="MemoizationPolicy", hide_rule_turn=number % 2 == 0)
        yield events.action("action_listen")


def whole(happened: list[Event]) -> Tracker:
    tracker = Tracker("u", DOMAIN, SIGHT)
    tracker.extend(happened)
    tracker.reload()
    return tracker


def test_a_restored_tracker_goes_on_as_the_whole_one() -> None:
    happened = list(told(TURNS))
    place = len(happened) // 2
    kept = orjson.loads(orjson.dumps(snapshot.taken(whole(happened[:place]))))
    restored = snapshot.restored(kept, "u", DOMAIN, SIGHT)
    restored.extend(happened[place:])
    restored.reload()
    expected = whole(happened)
    assert restored.state == expected.state
    assert restored.state.slots["name"] == "Anna"
    assert restored.history == expected.history
    assert restored.loops == expected.loops
    assert restored.count == expected.count
    assert restored.tail[-KEPT_TAIL:] == expected.tail[-KEPT_TAIL:]
    for back in (events.make("undo"), events.make("rewind"), events.make("rewind")):
        restored.update(back)
        expected.update(back)
        assert restored.state == expected.state


def test_another_domain_or_sight_has_another_fingerprint() -> None:
    here = snapshot.fingerprint(DOMAIN, SIGHT)
    assert snapshot.fingerprint(DOMAIN, Sight(rule_steps=6, story_steps=4)) != here
    assert snapshot.fingerprint(DOMAIN, SIGHT) == here


async def test_a_cold_start_of_a_long_conversation_reads_its_end_only(tmp_path: Path) -> None:
    async with replaying.bot("07_action_events", tmp_path, with_reminders=False) as bot:
        first, second = list(bot.engine.dialogue.domain.slots)[:2]

        async def set_slot(name: str, value: str, *, times: int = 1) -> None:
            sent = [{"event": "slot", "name": name, "value": value}] * times
            await bot.steering.append(CHANNEL, "anna", sent)

        await set_slot(first, "from the beginning")
        for number in range(3):
            await set_slot(second, str(number), times=1000)
        dialogue, store = bot.engine.dialogue, bot.parts.store
        found = await store.snapshots.load(CHANNEL, "anna", dialogue.fingerprint)
        assert found is not None
        assert found[1]["count"] < 2100
        cold = await Memory(store).take(CHANNEL, "anna", dialogue)
        warm = await bot.engine._memory.take(CHANNEL, "anna", dialogue)
        assert cold.state == warm.state
        assert cold.state.slots[first] == "from the beginning"
        assert cold.state.slots[second] == "2"
        assert cold.count == warm.count == len(await bot.engine.events(CHANNEL, "anna"))


async def test_what_another_process_wrote_during_a_turn_is_not_missed(tmp_path: Path) -> None:
    async with replaying.bot("07_action_events", tmp_path, with_reminders=False) as bot:
        first, second = list(bot.engine.dialogue.domain.slots)[:2]
        dialogue, here = bot.engine.dialogue, Memory(bot.parts.store)
        tracker = await here.take(CHANNEL, "anna", dialogue)  # a turn begins here
        sent = {"event": "slot", "name": first, "value": "from elsewhere"}
        await bot.steering.append(CHANNEL, "anna", [sent])
        sent = {"event": "slot", "name": second, "value": "from here"}
        turn, _ = await bot.steering.append(CHANNEL, "anna", [sent])  # and is stored
        tracker.extend(one.event for one in turn.events)
        await here.keep(CHANNEL, "anna", dialogue, tracker, turn.events)
        known = await here.take(CHANNEL, "anna", dialogue)
        assert known.state.slots[first] == "from elsewhere"
        assert known.state.slots[second] == "from here"
        assert known.count == len(await bot.engine.events(CHANNEL, "anna"))


async def test_a_kept_tracker_learns_what_came_after_its_own_turn(tmp_path: Path) -> None:
    async with replaying.bot("07_action_events", tmp_path, with_reminders=False) as bot:
        first, second = list(bot.engine.dialogue.domain.slots)[:2]
        dialogue, here = bot.engine.dialogue, Memory(bot.parts.store)
        tracker = await here.take(CHANNEL, "anna", dialogue)
        sent = {"event": "slot", "name": second, "value": "from here"}
        turn, _ = await bot.steering.append(CHANNEL, "anna", [sent])
        tracker.extend(one.event for one in turn.events)
        await here.keep(CHANNEL, "anna", dialogue, tracker, turn.events)
        sent = {"event": "slot", "name": first, "value": "from elsewhere"}
        await bot.steering.append(CHANNEL, "anna", [sent])
        known = await here.take(CHANNEL, "anna", dialogue)
        assert known is tracker  # not folded anew
        assert known.state.slots[first] == "from elsewhere"
        assert known.count == len(await bot.engine.events(CHANNEL, "anna"))
