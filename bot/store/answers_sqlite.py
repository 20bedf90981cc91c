"""The answers database as a SQLite file: how it is opened, and when it waits."""

from __future__ import annotations

import importlib
import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

BUSY_S = 10.0
KEPT = 2  # connections: a reader beside a writer


def engine(path: Path) -> sa.Engine:
    """Opens the file, which is made if there is none; one writer at a time."""
    try:
        module: Any = importlib.import_module("pysqlite3")
    except ImportError:
        module = sqlite3
    made = sa.create_engine(
        sa.URL.create("sqlite", database=str(path.absolute())),
        module=module,
        poolclass=sa.QueuePool,  # the last one that closes would fold the log into the file
        pool_size=KEPT,
        max_overflow=-1,
        connect_args={"check_same_thread": False, "timeout": BUSY_S},
    )

    @sa.event.listens_for(made, "connect")
    def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - of either driver
        connection.isolation_level = None  # we begin transactions, the driver does not
        _with_patience(connection, "PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged outlives a power cut

    @sa.event.listens_for(made, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return made


def _with_patience(connection: Any, statement: str) -> None:  # noqa: ANN401 - of either driver
    """Two processes that open a new database at once: SQLite does not wait by itself here."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute(statement)
        except connection.OperationalError as cause:  # of either driver
            if "locked" not in str(cause) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
