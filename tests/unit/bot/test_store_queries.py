"""The statements and the fold: plans by index, slots, failures, JSON."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain import Conversation, Event, Outcome
from bot.store import jobs, jsontext, open_store, queries

PARAMETERS = {
    "channel": "rest",
    "sender": "u1",
    "external_id": "m-500",
    "limit": 500,
    "after": 1900,
    "turn_id": "x",
}


@pytest.fixture
async def long(tmp_path: Path) -> sa.Engine:
    """A database with one conversation of 1,000 turns."""
    url = f"sqlite:///{tmp_path / 'long.db'}"
    await open_store(url).close()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    conversation = Conversation(id=uuid.uuid4().hex, channel="rest", sender="u1", is_new=True)
    with engine.begin() as connection:
        for number in range(1000):
            row = queries.TurnRow(
                id=uuid.uuid4().hex,
                conversation_id=conversation.id,
                external_id=f"m-{number}",
                outcome=Outcome.ANSWER.value,
                reasons={},
                created_at=1.0,
            )
            events = [Event(name=name, timestamp=1.0) for name in ("user", "bot")]
            jobs.close_turn(connection, conversation, row, events)
    return engine


def plan(connection: sa.Connection, statement: sa.Select[Any]) -> list[str]:
    compiled = statement.compile(connection)
    values = {**compiled.params, **PARAMETERS}
    given = [values[name] for name in compiled.positiontup or []]
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", tuple(given))
    return [row.detail for row in rows]


@pytest.mark.parametrize("name", ["OPEN", "TURN", "TURN_EVENTS", "EVENTS_AFTER", "LAST_EVENTS"])
async def test_each_statement_finds_its_rows_by_index(long: sa.Engine, name: str) -> None:
    with long.connect() as connection:
        steps = plan(connection, getattr(queries, name))
    assert steps
    for step in steps:
        assert step.startswith(("SEARCH", "SCALAR SUBQUERY")), steps


async def test_long_conversation_is_opened_with_few_rows(long: sa.Engine) -> None:
    with long.connect() as connection:
        rows = connection.execute(queries.OPEN, PARAMETERS).all()
        numbers = connection.execute(
            sa.text(
                "SELECT number FROM turns WHERE external_id IN ('m-0', 'm-999') ORDER BY number"
            )
        )
        assert list(numbers.scalars()) == [1, 1000]
    assert len(rows) == queries.RECENT_TURNS
    assert {row.repeated_id is None for row in rows} == {False}


@pytest.mark.parametrize(
    ("outcomes", "count"),
    [
        ([], 0),
        ([None], 0),
        (["refuse"], 1),
        (["refuse", "clarify", "answer", "refuse"], 2),
        (["respond", "refuse"], 0),
        (["handoff", "refuse"], 0),
    ],
)
def test_failures_in_a_row(outcomes: list[str | None], count: int) -> None:
    assert queries.failures_in_a_row(outcomes) == count


def slot(name: str, value: object) -> Event:
    return Event(name="slot", timestamp=1.0, data={"name": name, "value": value})


def test_fold_takes_the_last_value_and_keeps_its_input() -> None:
    slots = {"a": 1, "b": 2}
    events = [slot("a", 3), Event(name="user", timestamp=1.0), slot("a", None), slot("c", [])]
    assert queries.folded(slots, events) == {"a": None, "b": 2, "c": []}
    assert slots == {"a": 1, "b": 2}


@pytest.mark.parametrize("name", ["restart", "reset_slots"])
def test_fold_forgets_at_a_reset(name: str) -> None:
    events = [slot("a", 1), Event(name=name, timestamp=1.0), slot("b", 2)]
    assert queries.folded({"z": 0}, events) == {"b": 2}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": '退货 🙂 "\\/', "n": None, "f": 0.1, "l": [True, {"x": []}]},
        {"big": 2**70, "small": -(2**70), "edge": 2**64 - 1, "beyond": 2**64, "f": 1.5},
        {"digits": "1" * 40},
    ],
)
def test_json_comes_back_as_it_went(value: dict[str, Any]) -> None:
    assert jsontext.load(jsontext.dump(value)) == value


def test_json_refuses_what_it_cannot_say() -> None:
    with pytest.raises(TypeError):
        jsontext.dump({"path": Path()})
