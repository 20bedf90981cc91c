"""Who works: processes sign in, show that they live, and what is left by the dead is free."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store import dialect
from bot.store.schema import workers

MOST_HELD = 500  # looked for in one go: a statement takes only so many parameters
ALIVE = sa.select(workers.c.id).where(workers.c.alive_until > sa.bindparam("now", type_=sa.Double))
"""Needs the parameter `now`."""


def beat(connection: sa.Connection, owner: str, until: float) -> None:
    """`owner` lives at least until then, seconds since 1970."""
    statement = dialect.insert(connection, workers)
    statement = statement.on_conflict_do_update(
        index_elements=["id"], set_={"alive_until": statement.excluded.alive_until}
    )
    connection.execute(statement, {"id": owner, "alive_until": until})


def leave(connection: sa.Connection, owner: str | None) -> None:
    """`owner` works no more; None: nobody does."""
    statement = sa.delete(workers)
    connection.execute(statement if owner is None else statement.where(workers.c.id == owner))


def forget(connection: sa.Connection, before: float) -> None:
    """Delete processes that died before then."""
    connection.execute(sa.delete(workers).where(workers.c.alive_until < before))


def free(owner: sa.ColumnElement[str | None]) -> sa.ColumnElement[bool]:
    """The condition that nobody alive holds a row; `owner` is its column. Needs `now`."""
    return sa.or_(owner.is_(None), owner.not_in(ALIVE))
