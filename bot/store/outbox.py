"""The outbox as functions on a connection: add, claim, send, postpone, bury, replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from bot.records import Delivered, Parcel
from bot.store import dialect, leases
from bot.store.schema import outbox

WAITING, SENDING = Delivered.WAITING.value, Delivered.SENDING.value
SENT, DEAD = Delivered.SENT.value, Delivered.DEAD.value

IN_RESPONSE = "in the response"
"""Kept as the error of a piece that was said in the HTTP response to its message."""

# Constants in the statement, not parameters: so the partial indexes are found.
_OPEN = sa.text("outbox.state IN ('waiting', 'sending')")
_DEAD = sa.text("outbox.state = 'dead'")
_me = sa.bindparam("me", type_=sa.Text)
_others = outbox.alias("others")
_of_key = outbox.c.key == sa.bindparam("of_key", type_=sa.Text)

_ADD = sa.insert(outbox)
_FREE = (
    sa.select(outbox.c.channel, outbox.c.lane)
    .where(_OPEN)
    .where(leases.free(outbox.c.owner))
    .order_by(outbox.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_FREE_FOR_ME = _FREE.with_for_update(skip_locked=True)  # SQLite needs no lock and leaves it out
_HELD = (
    sa.select(sa.literal(1))
    .where(_others.c.channel == sa.bindparam("of_channel"))
    .where(_others.c.lane == sa.bindparam("of_lane"))
    .where(sa.text("others.state IN ('waiting', 'sending')"))
    .where(_others.c.owner != _me)
    .where(_others.c.owner.in_(leases.ALIVE))
    .limit(1)
)
# What was being sent when its process died may have arrived: nobody knows.
_CLAIM = (
    sa.update(outbox)
    .where(outbox.c.channel == sa.bindparam("of_channel"))
    .where(outbox.c.lane == sa.bindparam("of_lane"))
    .where(_OPEN)
    .where(outbox.c.owner.is_distinct_from(_me))
    .values(
        owner=_me,
        state=WAITING,
        uncertain=sa.or_(outbox.c.uncertain, outbox.c.state == sa.literal_column("'sending'")),
    )
    .returning(*outbox.c)
)
_START = (
    sa.update(outbox)
    .where(_of_key)
    .where(outbox.c.owner == _me)
    .where(outbox.c.state == sa.literal_column("'waiting'"))
    .values(state=SENDING)
    .returning(outbox.c.seq)
)
_FINISH = sa.update(outbox).where(_of_key).values(state=SENT, owner=None, error="")
_POSTPONE = (
    sa.update(outbox)
    .where(_of_key)
    .values(
        state=WAITING,
        due_at=sa.bindparam("new_due_at"),
        attempts=sa.bindparam("new_attempts"),
        error=sa.bindparam("new_error"),
    )
)
_BURY = (
    sa.update(outbox)
    .where(_of_key)
    .values(
        state=DEAD,
        owner=None,
        attempts=sa.bindparam("new_attempts"),
        error=sa.bindparam("new_error"),
    )
)
_TAKE = (
    sa.update(outbox)
    .where(outbox.c.turn_id == sa.bindparam("of_turn"))
    .where(outbox.c.channel == sa.bindparam("of_channel"))
    .where(outbox.c.state == sa.literal_column("'waiting'"))
    .values(state=SENT, owner=None, error=IN_RESPONSE)
    .returning(outbox.c.seq)
)


def add(connection: sa.Connection, parcels: Sequence[Parcel]) -> None:
    """Store pieces that wait."""
    if parcels:
        connection.execute(_ADD, [_row(parcel) for parcel in parcels])


def claimable(connection: sa.Connection, now: float) -> bool:
    """Whether a piece waits for somebody to send it. Reads only."""
    found = connection.execute(_FREE, {"now": now, "limit": 1})
    return found.first() is not None


def claim(connection: sa.Connection, owner: str, now: float, limit: int) -> list[Parcel]:
    """Take lanes that nobody works on, with all their pieces; oldest first.

    At most `limit` pieces are looked at; a lane is taken whole.
    """
    rows = connection.execute(_FREE_FOR_ME, {"now": now, "limit": limit}).all()
    taken: list[sa.Row[Any]] = []
    for channel, lane in dict.fromkeys((row.channel, row.lane) for row in rows):
        lane_of = {"of_channel": channel, "of_lane": lane, "me": owner}
        if not dialect.try_lock(connection, channel, lane):
            continue
        if connection.execute(_HELD, {**lane_of, "now": now}).first() is None:
            taken += connection.execute(_CLAIM, lane_of).all()
    return [to_parcel(row) for row in sorted(taken, key=lambda row: row.seq)]


def held(connection: sa.Connection, owner: str, but: Callable[[str], bool]) -> list[Parcel]:
    """The pieces that wait for a process to send them, oldest first, without those `but` knows."""
    waiting = outbox.c.state == sa.literal_column("'waiting'")
    keys = sa.select(outbox.c.key).where(_OPEN).where(waiting).where(outbox.c.owner == owner)
    found = connection.scalars(keys.order_by(outbox.c.seq))
    unknown = [one for one in found if not but(one)][: leases.MOST_HELD]
    if not unknown:
        return []
    mine = sa.select(outbox).where(waiting).where(outbox.c.key.in_(unknown))
    return [to_parcel(row) for row in connection.execute(mine.order_by(outbox.c.seq))]


def start(connection: sa.Connection, key: str, owner: str) -> bool:
    """Write down that it is about to be sent; False when it is not ours to send any more."""
    return connection.execute(_START, {"of_key": key, "me": owner}).first() is not None


def finish(connection: sa.Connection, key: str) -> None:
    """The vendor has it."""
    connection.execute(_FINISH, {"of_key": key})


def postpone(
    connection: sa.Connection, key: str, *, due_at: float, attempts: int, error: str
) -> None:
    """The vendor did not take it; again at `due_at`."""
    change = {"new_due_at": due_at, "new_attempts": attempts, "new_error": error}
    connection.execute(_POSTPONE, {"of_key": key, **change})


def bury(connection: sa.Connection, key: str, *, attempts: int, error: str) -> None:
    """Nobody tries again by himself."""
    change = {"new_attempts": attempts, "new_error": error}
    connection.execute(_BURY, {"of_key": key, **change})


def take(connection: sa.Connection, channel: str, turn_id: str) -> bool:
    """Take a turn's pieces out, to say them in the response; False when one is gone already.

    All of them wait, or none is taken. What was taken before may be said so again.
    """
    of_turn = sa.and_(outbox.c.turn_id == turn_id, outbox.c.channel == channel)
    rows = connection.execute(
        sa.select(outbox.c.state, outbox.c.error).where(of_turn).with_for_update()
    ).all()
    if not rows or any(row.state != WAITING for row in rows):
        return bool(rows) and all(tuple(row) == (SENT, IN_RESPONSE) for row in rows)
    connection.execute(_TAKE, {"of_turn": turn_id, "of_channel": channel})
    return True


def replay(connection: sa.Connection, keys: Sequence[str] | None, now: float) -> int:
    """Send dead pieces again, all when `keys` is None; how many there are."""
    statement = sa.update(outbox).where(_DEAD)
    if keys is not None:
        statement = statement.where(outbox.c.key.in_(keys))
    change = {"state": WAITING, "attempts": 0, "due_at": now, "owner": None}
    return connection.execute(statement.values(**change)).rowcount


def in_state(connection: sa.Connection, state: Delivered, limit: int) -> list[Parcel]:
    """Pieces that stand there, newest first."""
    statement = (
        sa.select(outbox)
        .where(sa.literal_column("outbox.state") == sa.literal_column(f"'{state.value}'"))
        .order_by(outbox.c.seq.desc())
        .limit(limit)
    )
    return [to_parcel(row) for row in connection.execute(statement)]


def release(connection: sa.Connection, owner: str) -> None:
    """What this process was to send and has not begun is free."""
    held = sa.update(outbox).where(outbox.c.owner == owner)
    connection.execute(held.where(outbox.c.state == WAITING).values(owner=None))


def purge(connection: sa.Connection, before: float, limit: int) -> int:
    """Delete up to `limit` pieces that were made before then and sent; how many."""
    old = (
        sa.select(outbox.c.seq)
        .where(outbox.c.created_at < before)
        .where(outbox.c.state == SENT)
        .order_by(outbox.c.created_at)
        .limit(limit)
    )
    return connection.execute(sa.delete(outbox).where(outbox.c.seq.in_(old))).rowcount


def count_open(connection: sa.Connection) -> int:
    """How many pieces are not sent yet."""
    return connection.scalar(sa.select(sa.func.count()).select_from(outbox).where(_OPEN)) or 0


def count_dead(connection: sa.Connection) -> int:
    """How many pieces were given up."""
    return connection.scalar(sa.select(sa.func.count()).select_from(outbox).where(_DEAD)) or 0


def to_parcel(row: sa.Row[Any]) -> Parcel:
    """The piece of a row of `outbox`."""
    return Parcel(
        key=row.key,
        channel=row.channel,
        lane=row.lane,
        turn_id=row.turn_id,
        piece=row.piece,
        address=row.address,
        due_at=row.due_at,
        created_at=row.created_at,
        attempts=row.attempts,
        is_uncertain=row.uncertain,
        error=row.error,
        owner=row.owner,
    )


def _row(parcel: Parcel) -> dict[str, Any]:
    return {
        "key": parcel.key,
        "channel": parcel.channel,
        "lane": parcel.lane,
        "turn_id": parcel.turn_id,
        "piece": dict(parcel.piece),
        "address": dict(parcel.address),
        "state": WAITING,
        "owner": parcel.owner,
        "due_at": parcel.due_at,
        "created_at": parcel.created_at,
        "attempts": parcel.attempts,
        "uncertain": parcel.is_uncertain,
        "error": parcel.error,
    }
