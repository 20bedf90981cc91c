"""All that is SQLite's own: driver, pragmas, transactions and what its errors mean."""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa

from bot import errors
from bot.store import jsontext, migration, threads
from bot.store.sql import SqlStore

_BUSY_TIMEOUT_MS = 5000
_MAX_WAL_BYTES = 64 * 2**20
SYNCHRONOUS = "FULL"  # what was acknowledged outlives a power cut; only `bot.stress` says otherwise

_log = logging.getLogger(__name__)

_MAY_WRITE = "Give this user the right to write to the file and to its folder."
_HELD = "Another program holds the database: stop it, or wait until it is done."
_UNSYNCED = "Check the disk, then start Frontdesk again: until then nothing is written."
# pysqlite3 does not tell which input or output failed, so the worst is assumed.
_UNSYNCED_CODES = {"SQLITE_IOERR", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"}
_HINTS = {
    "SQLITE_FULL": "Free space on the disk of the database; Frontdesk then goes on by itself.",
    "SQLITE_READONLY": _MAY_WRITE,
    "SQLITE_PERM": _MAY_WRITE,
    "SQLITE_CANTOPEN": "Check that its folder exists and that this user may write there.",
    "SQLITE_BUSY": _HELD,
    "SQLITE_LOCKED": _HELD,
    "SQLITE_NOTADB": "This is no SQLite database: name another file, or restore a backup.",
    "SQLITE_CORRUPT": "The file is damaged: stop Frontdesk and restore a backup.",
    "SQLITE_IOERR": "Check the disk of the database: it failed, or it is full.",
    "SQLITE_NOMEM": "Give the machine more memory, or stop other programs.",
}


def open_sqlite(url: str) -> SqlStore:
    """Open the database file of `url`, made if need be. See `bot.store.open_store`."""
    address = sa.make_url(url)
    if address.database in (None, "", ":memory:"):
        raise errors.ConfigError(
            "A database in memory forgets all conversations.",
            hint="Name a file, such as sqlite:///var/frontdesk.db.",
        )
    module = _driver()
    try:
        writing, reading = _connections(address, module)
    except (sa.exc.SQLAlchemyError, module.Error) as error:
        raise translate(error, f"The database {address.database!r} cannot be opened") from error
    writer = threads.DatabaseThread("store-writer", writing, threads.together)
    reader = (
        threads.DatabaseThread("store-reader", reading, threads.one_by_one) if reading else writer
    )
    return SqlStore(writer, reader, translate=translate)


def examine(path: Path, statement: str) -> tuple[list[str], list[str]]:
    """What SQLite finds damaged in a database file, and the first column of `statement`'s rows.

    A file that cannot be read at all is one damage, and has no rows.
    """
    module = _driver()
    with contextlib.closing(module.connect(path)) as connection:
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
            rows = [str(row[0]) for row in connection.execute(statement)]
        except module.Error as error:
            return [str(error)], []
    return [one for one in found if one != "ok"], rows


def has_wal_bug(version: str) -> bool:
    """Whether SQLite `version` can damage a WAL database that has two connections.

    Its WAL reset was wrong from 3.7.0 to 3.51.2, apart from 3.44.6 and 3.50.7.
    """
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    mended = (3, 44, 6) <= numbers < (3, 45) or (3, 50, 7) <= numbers < (3, 51)
    return numbers < (3, 51, 3) and not mended


def translate(error: Exception, what: str = "The database refused") -> Exception:
    """A `StoreError` that says what to do about a database error; other errors as they are."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorname", None) or ""
    if not code and not isinstance(error, sa.exc.SQLAlchemyError | UnicodeError | OverflowError):
        return error
    family = "_".join(code.split("_")[:2])  # SQLITE_IOERR_FSYNC is an SQLITE_IOERR
    if code in _UNSYNCED_CODES:
        # The system may have dropped what it could not write, and say yes to the next sync: only
        # reading the file anew shows what is there.
        failed = errors.StoreError(f"{what}: the disk failed to sync.", hint=_UNSYNCED)
        failed.is_lasting = True
        return failed
    return errors.StoreError(f"{what}: {cause}.", hint=_HINTS.get(family, ""))


def _driver() -> ModuleType:
    """The newest SQLite there is: that of the package `pysqlite3`, else Python's own."""
    try:
        module = importlib.import_module("pysqlite3")
    except ImportError:
        module = sqlite3
    if has_wal_bug(module.sqlite_version):
        _log.warning(
            "SQLite %s can damage databases with two connections, so only one is used; "
            "pip install pysqlite3 for a mended and quicker one",
            module.sqlite_version,
        )
    return module


def _engine(address: sa.URL, module: ModuleType, *, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        address,
        module=module,
        poolclass=sa.NullPool,  # each thread holds its one connection for good
        connect_args={"check_same_thread": False},  # opened here, used there
        json_serializer=jsontext.dump,
        json_deserializer=jsontext.load,
    )

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - of either driver
        connection.isolation_level = None  # we begin transactions, the driver does not
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            f"synchronous={SYNCHRONOUS}",
            f"journal_size_limit={_MAX_WAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _connections(address: sa.URL, module: ModuleType) -> tuple[sa.Connection, sa.Connection | None]:
    """One to write and one to read, the latter only where SQLite can bear two."""
    with contextlib.ExitStack() as opened:
        writing = opened.enter_context(_engine(address, module, begin="BEGIN IMMEDIATE").connect())
        with writing.begin():
            migration.check(writing)  # before anything is written to what may not be ours
        _pragma(writing, "journal_mode=WAL")
        migration.upgrade(writing)
        reading = None
        if not has_wal_bug(module.sqlite_version):
            reading = opened.enter_context(_engine(address, module, begin="BEGIN").connect())
            _pragma(reading, "query_only=ON")
        opened.pop_all()
    return writing, reading


def _pragma(connection: sa.Connection, pragma: str) -> None:
    """Set a pragma outside any transaction, where some of them must be."""
    raw = connection.connection.dbapi_connection
    if raw is not None:
        raw.cursor().execute(f"PRAGMA {pragma}")
