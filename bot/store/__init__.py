"""Where conversations are kept: events, turns and slots in an SQL database."""

from __future__ import annotations

from bot import errors
from bot.ports import Store

__all__ = ["open_store"]


def open_store(url: str) -> Store:
    """Open the database at `url`, bring its schema up to date and start its threads.

    Blocks for some milliseconds, longer when the schema has to change.

    Args:
        url: `sqlite:///var/frontdesk.db`, or `sqlite:////data/frontdesk.db` for an absolute path;
            or `postgresql://user:password@host/database`.

    Raises:
        errors.ConfigError: `url` names no kind of database that Frontdesk knows.
        errors.StoreError: the database cannot be opened or written, is newer than this code or
            not one of Frontdesk's.
    """
    kind = url.partition("://")[0]  # the rest may hold a password: never say it
    if kind == "sqlite":
        from bot.store import sqlite

        return sqlite.open_sqlite(url)
    if kind in ("postgresql", "postgres", "postgresql+psycopg"):
        from bot.store import postgres

        return postgres.open_postgres(url.replace("postgres://", "postgresql://", 1))
    raise errors.ConfigError(
        f"Conversations cannot be kept in {kind!r}.",
        hint="Use an address such as sqlite:///var/frontdesk.db or postgresql://host/frontdesk.",
    )
