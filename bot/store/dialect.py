"""What SQLite and PostgreSQL say differently; everything else is written once."""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert(connection: sa.Connection, table: sa.Table) -> Insert:
    """An INSERT that can say ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def lock(connection: sa.Connection, channel: str, sender: str) -> None:
    """Until the transaction ends, nobody else decides who works on this conversation.

    SQLite has one writing transaction at a time, so there it is so anyway.
    """
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(f"{channel}\0{sender}".encode())
        connection.execute(_LOCK, {"number": number})


def try_lock(connection: sa.Connection, channel: str, sender: str) -> bool:
    """As `lock`, but False at once when somebody else is deciding: who holds locks never waits."""
    if connection.dialect.name != "postgresql":
        return True
    number = zlib.crc32(f"{channel}\0{sender}".encode())
    return bool(connection.scalar(_TRY_LOCK, {"number": number}))


def lock_schema(connection: sa.Connection) -> None:
    """Until the transaction ends, nobody else brings the schema up to date."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7310, 0)"))


def lock_answers(connection: sa.Connection) -> None:
    """Until the transaction ends, nobody else writes answers: revisions grow as they are seen."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7312, 0)"))


_LOCK = sa.text("SELECT pg_advisory_xact_lock(7311, CAST(:number - 2147483648 AS integer))")
_TRY_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(7311, CAST(:number - 2147483648 AS integer))")
