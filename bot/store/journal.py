"""The journal as functions on a connection: accept, claim, give up. Rows are pending in order.

All pending rows of a conversation belong to one living process, or to nobody. So a conversation is
answered in order, whoever took the messages in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.domain import Message
from bot.records import Entry, Incoming
from bot.store import dialect, leases
from bot.store.schema import channel_states, conversations, inbox, turns

PENDING, ANSWERED, FAILED = "pending", "answered", "failed"

_me = sa.bindparam("me", type_=sa.Text)
_others = inbox.alias("others")
_of_conversation = sa.and_(
    _others.c.channel == sa.bindparam("for_channel", type_=sa.Text),
    _others.c.sender == sa.bindparam("for_sender", type_=sa.Text),
    _others.c.state == sa.literal_column("'pending'"),
)
# A conversation with older messages that are not mine is not mine either.
_owner = sa.case(
    (
        sa.exists().where(_of_conversation).where(_others.c.owner.is_distinct_from(_me)),
        sa.null(),
    ),
    else_=_me,
)
_REPEATED = (
    sa.update(inbox)
    .where(inbox.c.channel == sa.bindparam("of_channel"))
    .where(inbox.c.scope == sa.bindparam("of_scope"))
    .where(inbox.c.dedupe_key == sa.bindparam("of_key"))
    .values(deliveries=inbox.c.deliveries + 1)
    .returning(*inbox.c)
)
_ANSWERED = (
    sa.update(inbox)
    .where(inbox.c.id == sa.bindparam("message_id"))
    .values(state=ANSWERED, owner=None)
)
_FREE = (
    sa.select(inbox.c.channel, inbox.c.sender)
    .where(inbox.c.state == sa.literal_column("'pending'"))
    .where(leases.free(inbox.c.owner))
    .order_by(inbox.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_FREE_FOR_ME = _FREE.with_for_update(skip_locked=True)  # SQLite needs no lock and leaves it out
_HELD = (
    sa.select(sa.literal(1))
    .where(_of_conversation)
    .where(_others.c.owner != _me)
    .where(_others.c.owner.in_(leases.ALIVE))
    .limit(1)
)
_CLAIM = (
    sa.update(inbox)
    .where(inbox.c.channel == sa.bindparam("of_channel"))
    .where(inbox.c.sender == sa.bindparam("of_sender"))
    .where(inbox.c.state == sa.literal_column("'pending'"))
    .where(inbox.c.owner.is_distinct_from(_me))
    .values(owner=_me)
    .returning(*inbox.c)
)


def accept(connection: sa.Connection, items: Sequence[Incoming], owner: str) -> list[Entry]:
    """Write each message down, unless it is there; in the order of `items`."""
    for channel, sender in sorted({(item.message.channel, item.message.sender) for item in items}):
        dialect.lock(connection, channel, sender)  # in one order, or two batches might deadlock
    return [_accept(connection, item, owner) for item in items]


def _accept(connection: sa.Connection, item: Incoming, owner: str) -> Entry:
    message = item.message
    statement = dialect.insert(connection, inbox).values(owner=_owner)
    statement = statement.on_conflict_do_nothing(index_elements=["channel", "scope", "dedupe_key"])
    found = connection.execute(
        statement.returning(inbox.c.owner),
        {**_row(item), "for_channel": message.channel, "for_sender": message.sender, "me": owner},
    ).one_or_none()
    if found is not None:
        return Entry(
            message=message,
            address=item.address,
            is_new=True,
            is_answered=False,
            is_mine=found.owner == owner,
        )
    key = {"of_channel": message.channel, "of_scope": item.scope, "of_key": item.dedupe_key}
    return _entry(connection.execute(_REPEATED, key).one(), owner, is_new=False)


def answered(connection: sa.Connection, message_id: str) -> None:
    """The turn of this message is stored; nothing happens if the journal does not know it."""
    connection.execute(_ANSWERED, {"message_id": message_id})


def claimable(connection: sa.Connection, now: float) -> bool:
    """Whether a message waits for somebody to answer it. Reads only."""
    found = connection.execute(_FREE, {"now": now, "limit": 1})
    return found.first() is not None


def claim(connection: sa.Connection, owner: str, now: float, limit: int) -> list[Entry]:
    """Take conversations that nobody works on, with all their messages; oldest first.

    At most `limit` messages are looked at; a conversation is taken whole.
    """
    rows = connection.execute(_FREE_FOR_ME, {"now": now, "limit": limit}).all()
    taken: list[sa.Row[Any]] = []
    for channel, sender in dict.fromkeys((row.channel, row.sender) for row in rows):
        who = {"for_channel": channel, "for_sender": sender, "me": owner, "now": now}
        if not dialect.try_lock(connection, channel, sender):
            continue
        if connection.execute(_HELD, who).first() is None:
            mine = {"of_channel": channel, "of_sender": sender, "me": owner}
            taken += connection.execute(_CLAIM, mine).all()
    return [_entry(row, owner, is_new=False) for row in sorted(taken, key=lambda row: row.seq)]


def held(connection: sa.Connection, owner: str, but: Callable[[str], bool]) -> list[Entry]:
    """The messages that a process is to answer, oldest first, without those that `but` knows.

    Only their ids are read of all: there may be a hundred thousand, and mostly all are known.
    """
    pending = inbox.c.state == sa.literal_column("'pending'")
    ids = sa.select(inbox.c.id).where(pending).where(inbox.c.owner == owner).order_by(inbox.c.seq)
    unknown = [one for one in connection.scalars(ids) if not but(one)][: leases.MOST_HELD]
    if not unknown:
        return []
    mine = sa.select(inbox).where(pending).where(inbox.c.id.in_(unknown)).order_by(inbox.c.seq)
    return [_entry(row, owner, is_new=False) for row in connection.execute(mine)]


def fail(connection: sa.Connection, message_id: str, error: str, *, is_last: bool) -> None:
    """Answering it ended in a defect; after the last time nobody tries again."""
    change: dict[str, Any] = {"attempts": inbox.c.attempts + 1, "error": error}
    if is_last:
        change |= {"state": FAILED, "owner": None}
    connection.execute(sa.update(inbox).where(inbox.c.id == message_id).values(**change))


def forget(connection: sa.Connection, message_id: str) -> None:
    """As if it had never come; an answered one stays."""
    connection.execute(
        sa.delete(inbox).where(inbox.c.id == message_id).where(inbox.c.state == PENDING)
    )


def release(connection: sa.Connection, owner: str) -> None:
    """Whatever this process was to answer is free."""
    connection.execute(sa.update(inbox).where(inbox.c.owner == owner).values(owner=None))


def revive(connection: sa.Connection) -> int:
    """Answer the messages that were given up once more; how many there are."""
    change = {"state": PENDING, "attempts": 0, "owner": None}
    return connection.execute(
        sa.update(inbox).where(inbox.c.state == FAILED).values(**change)
    ).rowcount


def purge(connection: sa.Connection, before: float, limit: int) -> int:
    """Forget up to `limit` messages that came before then and were answered; how many."""
    old = (
        sa.select(inbox.c.seq)
        .where(inbox.c.received_at < before)
        .where(inbox.c.state == ANSWERED)
        .order_by(inbox.c.received_at)
        .limit(limit)
    )
    return connection.execute(sa.delete(inbox).where(inbox.c.seq.in_(old))).rowcount


def count(connection: sa.Connection, state: str) -> int:
    """How many messages are in a state."""
    in_state = inbox.c.state == sa.literal_column(f"'{state}'")  # a constant finds its index
    statement = sa.select(sa.func.count()).select_from(inbox).where(in_state)
    return connection.scalar(statement) or 0


def remember(connection: sa.Connection, channel: str, state: Mapping[str, Any]) -> None:
    """Keep what a channel wants to know at its next pull."""
    statement = dialect.insert(connection, channel_states)
    statement = statement.on_conflict_do_update(
        index_elements=["channel"], set_={"state": statement.excluded.state}
    )
    connection.execute(statement, {"channel": channel, "state": dict(state)})


def remembered(connection: sa.Connection, channel: str) -> dict[str, Any]:
    """What `remember` kept, an empty object at first."""
    statement = sa.select(channel_states.c.state).where(channel_states.c.channel == channel)
    return connection.scalar(statement) or {}


def last_address(connection: sa.Connection, channel: str, sender: str) -> dict[str, Any] | None:
    """The address of the newest message of a conversation that has one."""
    statement = (  # by way of the turns, whose index knows the newest
        sa.select(inbox.c.address)
        .join(turns, turns.c.id == inbox.c.id)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .where(conversations.c.channel == channel, conversations.c.sender == sender)
        .where(inbox.c.address.is_not(None))
        .order_by(turns.c.number.desc())
        .limit(1)
    )
    address: dict[str, Any] | None = connection.scalar(statement)
    return address


def _row(item: Incoming) -> dict[str, Any]:
    message = item.message
    return {
        "id": message.id,
        "channel": message.channel,
        "sender": message.sender,
        "scope": item.scope,
        "dedupe_key": item.dedupe_key,
        "message": {
            "text": message.text,
            "title": message.title,
            "external_id": message.external_id,
            "metadata": message.metadata,
        },
        "address": item.address,
        "state": PENDING,
        "deliveries": 1,
        "attempts": 0,
        "error": "",
        "received_at": message.received_at.timestamp(),
    }


def _entry(row: sa.Row[Any], owner: str, *, is_new: bool) -> Entry:
    message = Message(
        id=row.id,
        channel=row.channel,
        sender=row.sender,
        received_at=datetime.fromtimestamp(row.received_at, UTC),
        **row.message,
    )
    return Entry(
        message=message,
        address=row.address,
        is_new=is_new,
        is_answered=row.state == ANSWERED,
        is_mine=row.owner == owner,
        deliveries=row.deliveries,
        attempts=row.attempts,
    )
