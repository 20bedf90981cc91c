"""Where conversations are kept: events, turns and slots in an SQL database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot import errors
from bot.domain import Reply
from bot.ports import Store

__all__ = ["open_store"]


def open_store(url: str, *, explain: Callable[[Reply], dict[str, Any]]) -> Store:
    """Open the database at `url`, bring its schema up to date and start its threads.

    Blocks for some milliseconds, longer when the schema has to change.

    Args:
        url: `sqlite:///var/frontdesk.db`, or `sqlite:////data/frontdesk.db` for an absolute path.
        explain: gives the JSON-ready reasons that are stored with a turn.

    Raises:
        errors.ConfigError: `url` names no kind of database that Frontdesk knows.
        errors.StoreError: the database cannot be opened, is newer than this code or not ours.
    """
    kind = url.partition("://")[0]  # the rest may hold a password: never say it
    if kind != "sqlite":
        raise errors.ConfigError(
            f"Conversations cannot be kept in {kind!r}.",
            hint="Use an address such as sqlite:///var/frontdesk.db.",
        )
    from bot.store import sqlite

    return sqlite.open_sqlite(url, explain=explain)
