"""The work of the store as plain functions on a connection; they run inside a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TypedDict

import sqlalchemy as sa

from bot import errors
from bot.domain import Conversation, Event, Message, StoredEvent, Turn
from bot.records import Parcel
from bot.store import journal, outbox, queries, reminders, schema
from bot.store.queries import TurnRow


class Who(TypedDict):
    """Names a conversation from outside."""

    channel: str
    sender: str


def open_turn(connection: sa.Connection, message: Message) -> tuple[Conversation, Turn | None]:
    """One indexed statement however long the conversation is; two more for a repeated message."""
    who = Who(channel=message.channel, sender=message.sender)
    rows = connection.execute(queries.OPEN, {**who, "external_id": message.external_id}).all()
    if not rows:
        return Conversation(id=uuid.uuid4().hex, is_new=True, **who), None
    found = rows[0]
    conversation = Conversation(
        id=found.id,
        is_new=False,
        slots=found.slots,
        failures_in_a_row=queries.failures_in_a_row(row.outcome for row in rows),
        **who,
    )
    earlier = found.repeated_id
    return conversation, None if earlier is None else turn(connection, earlier)


def close_turn(
    connection: sa.Connection,
    conversation: Conversation,
    row: TurnRow,
    events: Sequence[Event],
    outgoing: Sequence[Parcel] = (),
    *,
    reminds: bool = True,
) -> Turn:
    """Write a turn with what is to be sent, unless it is there already.

    Another process, or an earlier message in the same batch, may have begun the conversation or
    answered the same message since `open_turn`: what is stored counts, not what was seen then.
    """
    who = Who(channel=conversation.channel, sender=conversation.sender)
    found = connection.execute(queries.OPEN, {**who, "external_id": row.external_id}).first()
    journal.answered(connection, row.id)
    if found is not None and found.repeated_id is not None:
        return _stored_turn(connection, found.repeated_id)
    if found is None:
        _add_conversation(connection, conversation, row.created_at, events)
    else:
        row = row._replace(conversation_id=found.id)
        _touch_conversation(connection, row, queries.folded(found.slots, events))
    connection.execute(queries.ADD_TURN, queries.turn_values(row))
    outbox.add(connection, outgoing)
    if reminds:
        reminders.note(connection, conversation.channel, conversation.sender, events)
    return queries.to_turn(row, _add_events(connection, row, events))


def events_after(
    connection: sa.Connection, who: Who, *, after: int, limit: int, from_start: bool = False
) -> list[StoredEvent]:
    """The first `limit` events behind `after`, or the last ones when it is 0; oldest first."""
    if after > 0 or from_start:
        wanted = {**who, "limit": limit, "after": max(0, min(after, queries.MAX_SEQ))}
        return [queries.to_event(row) for row in connection.execute(queries.EVENTS_AFTER, wanted)]
    rows = connection.execute(queries.LAST_EVENTS, {**who, "limit": limit}).all()
    return [queries.to_event(row) for row in reversed(rows)]


def channels_of(connection: sa.Connection, sender: str) -> list[str]:
    """The channels on which `sender` has a conversation, the one used last first."""
    return list(connection.scalars(queries.CHANNELS_OF, {"sender": sender}))


def turn(connection: sa.Connection, turn_id: str) -> Turn | None:
    """One turn with its events, None when there is none."""
    found = connection.execute(queries.TURN, {"turn_id": turn_id}).one_or_none()
    if found is None:
        return None
    rows = connection.execute(queries.TURN_EVENTS, {"turn_id": turn_id})
    return queries.to_turn(TurnRow(*found), [queries.to_event(row) for row in rows])


def touch(connection: sa.Connection) -> None:
    """Write a row as it is, which takes all that any write takes: lock, space and a sync."""
    column = schema.revision.c.version_num
    connection.execute(sa.update(schema.revision).values({column: column}))


def _stored_turn(connection: sa.Connection, turn_id: str) -> Turn:
    found = turn(connection, turn_id)
    if found is None:
        raise errors.StoreError(
            f"Turn {turn_id} vanished while it was read.", hint="Check the database's disk."
        )
    return found


def _add_conversation(
    connection: sa.Connection, conversation: Conversation, now: float, events: Sequence[Event]
) -> None:
    values = {
        "id": conversation.id,
        "channel": conversation.channel,
        "sender": conversation.sender,
        "slots": queries.folded({}, events),
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(queries.ADD_CONVERSATION, values)


def _touch_conversation(connection: sa.Connection, row: TurnRow, slots: dict[str, object]) -> None:
    values = {"of_conversation": row.conversation_id, "new_slots": slots, "now": row.created_at}
    connection.execute(queries.TOUCH_CONVERSATION, values)


def _add_events(
    connection: sa.Connection, row: TurnRow, events: Sequence[Event]
) -> list[StoredEvent]:
    if not events:
        return []
    values = [queries.event_values(row.conversation_id, row.id, event) for event in events]
    seqs = connection.scalars(queries.ADD_EVENTS, values)
    return [StoredEvent(seq=seq, event=event) for seq, event in zip(seqs, events, strict=True)]
