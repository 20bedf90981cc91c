"""The statements, built once, and the way from rows to domain objects and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot import spoken
from bot.domain import Event, Outcome, StoredEvent, Turn
from bot.store.schema import conversations, events, turns

MAX_SEQ = 2**63 - 1
RECENT_TURNS = 5
"""How far back failures are counted; no policy is more patient."""

_FAILURES = frozenset({Outcome.REFUSE, Outcome.CLARIFY})

_recent = turns.alias("recent")
_repeated = turns.alias("repeated")

# One row for each recent turn, newest first: everything that a new message needs in one go.
OPEN = (
    sa.select(
        conversations.c.id,
        conversations.c.slots,
        _repeated.c.id.label("repeated_id"),
        _recent.c.outcome,
    )
    .select_from(conversations)
    .outerjoin(
        _repeated,
        sa.and_(
            _repeated.c.conversation_id == conversations.c.id,
            _repeated.c.external_id == sa.bindparam("external_id", type_=sa.Text),
        ),
    )
    .outerjoin(_recent, _recent.c.conversation_id == conversations.c.id)
    .where(conversations.c.channel == sa.bindparam("channel"))
    .where(conversations.c.sender == sa.bindparam("sender"))
    .order_by(_recent.c.number.desc())
    .limit(RECENT_TURNS)
)


class TurnRow(NamedTuple):
    """A row of `turns`, without its number."""

    id: str
    conversation_id: str
    external_id: str | None
    outcome: str
    reasons: dict[str, Any]
    created_at: float
    """Seconds since 1970, UTC."""


TURN = sa.select(*(turns.c[name] for name in TurnRow._fields)).where(
    turns.c.id == sa.bindparam("turn_id")
)
TURN_EVENTS = (
    sa.select(events).where(events.c.turn_id == sa.bindparam("turn_id")).order_by(events.c.seq)
)

_of_conversation = sa.select(events).where(
    events.c.conversation_id
    == sa.select(conversations.c.id)
    .where(conversations.c.channel == sa.bindparam("channel"))
    .where(conversations.c.sender == sa.bindparam("sender"))
    .scalar_subquery()
)
EVENTS_AFTER = (
    _of_conversation.where(events.c.seq > sa.bindparam("after"))
    .order_by(events.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
LAST_EVENTS = _of_conversation.order_by(events.c.seq.desc()).limit(
    sa.bindparam("limit", type_=sa.Integer)
)

CHANNELS_OF = (
    sa.select(conversations.c.channel)
    .where(conversations.c.sender == sa.bindparam("sender"))
    .order_by(conversations.c.updated_at.desc(), conversations.c.channel)
)

ADD_CONVERSATION = sa.insert(conversations)
TOUCH_CONVERSATION = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("of_conversation"))
    .values(slots=sa.bindparam("new_slots"), updated_at=sa.bindparam("now"))
)
ADD_TURN = sa.insert(turns).values(
    number=sa.select(sa.func.coalesce(sa.func.max(_recent.c.number), 0) + 1)
    .where(_recent.c.conversation_id == sa.bindparam("of_conversation"))
    .scalar_subquery()
)
ADD_EVENTS = sa.insert(events).returning(events.c.seq, sort_by_parameter_order=True)


def failures_in_a_row(outcomes: Iterable[str | None]) -> int:
    """How many of `outcomes`, newest first, are failures before the first that is none."""
    count = 0
    for outcome in outcomes:
        if outcome not in _FAILURES:
            break
        count += 1
    return count


def folded(slots: Mapping[str, Any], events: Iterable[Event]) -> dict[str, Any]:
    """`slots` after `events`: a later value replaces an earlier one, resets empty them."""
    result = dict(slots)
    for event in events:
        if event.name == "slot":
            result[event.data["name"]] = event.data.get("value")
        elif event.name in ("reset_slots", "restart"):
            result.clear()
    return result


def event_values(conversation_id: str, turn_id: str, event: Event) -> dict[str, Any]:
    """The row of an event, without its seq."""
    return {
        "conversation_id": conversation_id,
        "turn_id": turn_id,
        "name": event.name,
        "timestamp": event.timestamp,
        "data": event.data,
    }


def to_event(row: sa.Row[Any]) -> StoredEvent:
    """The event of a row of `events`."""
    event = Event(name=row.name, timestamp=row.timestamp, data=row.data)
    return StoredEvent(seq=row.seq, event=event)


def turn_values(row: TurnRow) -> dict[str, Any]:
    """The parameters of `ADD_TURN`."""
    return {**row._asdict(), "of_conversation": row.conversation_id}


def to_turn(row: TurnRow, stored: Sequence[StoredEvent]) -> Turn:
    """The turn of a row of `turns` and its events, oldest first."""
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        message_id=row.id,
        replies=tuple(
            message
            for item in stored
            if item.event.name == "bot"
            for message in spoken.messages(item.event.data)
        ),
        outcome=Outcome(row.outcome),
        reasons=row.reasons,
        events=tuple(stored),
    )
