"""Feedback of visitors as functions on a connection: whose reply is it, and what was said of it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from bot.domain import Feedback
from bot.records import Parcel
from bot.store import dialect, outbox
from bot.store.schema import conversations, events, feedback

_TURN_OF = (
    sa.select(events.c.turn_id)
    .join(conversations, conversations.c.id == events.c.conversation_id)
    .where(events.c.seq == sa.bindparam("seq", type_=sa.BigInteger))
    .where(events.c.name == "bot")
    .where(conversations.c.channel == sa.bindparam("channel"))
    .where(conversations.c.sender == sa.bindparam("sender"))
)


def turn_of(connection: sa.Connection, channel: str, sender: str, seq: int) -> str | None:
    """The turn that a bot message of this conversation belongs to, None when there is none."""
    wanted = {"channel": channel, "sender": sender, "seq": seq}
    found: str | None = connection.scalar(_TURN_OF, wanted)
    return found


def give(connection: sa.Connection, given: Feedback, outgoing: Sequence[Parcel]) -> bool:
    """Keep the last word on a turn; False, and nothing is told, when it was said before."""
    values = {"verdict": given.verdict.value, "comment": given.comment}
    insert = dialect.insert(connection, feedback).values(
        turn_id=given.turn_id, given_at=given.given_at.timestamp(), **values
    )
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["turn_id"],
        set_={**{name: new[name] for name in values}, "given_at": new.given_at},
        where=sa.or_(*(feedback.c[name] != new[name] for name in values)),
    ).returning(feedback.c.turn_id)
    if connection.execute(statement).first() is None:
        return False
    outbox.add(connection, outgoing)
    return True


def of_turn(connection: sa.Connection, turn_id: str) -> tuple[str, str] | None:
    """Verdict and comment of a turn, None when nobody gave any."""
    statement = sa.select(feedback.c.verdict, feedback.c.comment).where(
        feedback.c.turn_id == turn_id
    )
    row = connection.execute(statement).first()
    return None if row is None else (row.verdict, row.comment)
