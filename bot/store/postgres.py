"""All that is PostgreSQL's own: driver, connections, and what its errors mean."""

from __future__ import annotations

import contextlib
from typing import Any

import sqlalchemy as sa

from bot import errors
from bot.store import jsontext, migration, threads
from bot.store.sql import SqlStore

CONNECT_S = 5
STATEMENT_MS = 15_000  # a statement that takes longer has lost its server or waits for a lock
_EXTRA = "pip install 'frontdesk[postgres]'."
_CONNECTING: dict[str, Any] = {
    "connect_timeout": CONNECT_S,
    "application_name": "frontdesk",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": f"-c statement_timeout={STATEMENT_MS} -c synchronous_commit=on",
}
_HINTS = {
    "08": "Check that PostgreSQL runs and can be reached; Frontdesk goes on by itself.",
    "57": "PostgreSQL is being stopped or started; Frontdesk goes on by itself.",
    "28": "Check user and password in `database`.",
    "3D": "Make the database first: createdb frontdesk.",
    "42501": "Give the user the right to make tables in this database.",
    "53": "PostgreSQL has no space, memory or connections left.",
    "55": "Another program holds a lock: wait until it is done.",
}


def open_postgres(url: str) -> SqlStore:
    """Open the database of `url`. See `bot.store.open_store`."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = _engine(address)
        writing, reading = _connections(engine)
    except ImportError as cause:
        raise errors.ConfigError("PostgreSQL needs the package psycopg.", hint=_EXTRA) from cause
    except sa.exc.SQLAlchemyError as cause:
        raise translate(cause, f"The database {address.database!r} cannot be opened") from cause
    return SqlStore(
        # Not together: a batch would hold the locks of many conversations, and those of two servers
        # would wait for each other. PostgreSQL itself shares syncs among what is committed at once.
        threads.DatabaseThread("store-writer", writing, threads.one_by_one),
        threads.DatabaseThread("store-reader", reading, threads.one_by_one),
        translate=translate,
        is_shared=True,
    )


def answers_engine(url: str) -> sa.Engine:
    """For the answers database: a few connections, each tried before it is used.

    Raises:
        errors.ConfigError: the driver is not installed.
    """
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    options = {"pool_size": 2, "max_overflow": 6, "pool_pre_ping": True}
    try:
        return sa.create_engine(address, connect_args=_CONNECTING, **options)
    except ImportError as cause:
        raise errors.ConfigError("PostgreSQL needs the package psycopg.", hint=_EXTRA) from cause


def translate(error: Exception, what: str = "The database refused") -> Exception:
    """A `StoreError` that says what to do about a database error; other errors as they are."""
    if not isinstance(error, sa.exc.SQLAlchemyError | UnicodeError | OverflowError):
        return error
    cause = getattr(error, "orig", None) or error
    code = str(getattr(cause, "sqlstate", None) or "08")
    hint = _HINTS.get(code) or _HINTS.get(code[:2], "")
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    return errors.StoreError(f"{what}: {said.rstrip('.')}.", hint=hint)


def _engine(address: sa.URL) -> sa.Engine:
    return sa.create_engine(
        address,
        poolclass=sa.NullPool,  # each thread holds its one connection, and a new one if it breaks
        connect_args=_CONNECTING,
        json_serializer=jsontext.dump,
        json_deserializer=jsontext.load,
    )


def _connections(engine: sa.Engine) -> tuple[sa.Connection, sa.Connection]:
    """One to write and one to read, over a schema that is up to date."""
    with contextlib.ExitStack() as opened:
        writing = opened.enter_context(engine.connect())
        migration.upgrade(writing)
        reading = opened.enter_context(engine.connect())
        opened.pop_all()
    return writing, reading
