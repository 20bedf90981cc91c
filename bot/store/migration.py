"""Brings a database to the newest schema: forward only, all or nothing, never a foreign one."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from bot import errors
from bot.store import dialect, jobs, schema


def upgrade(connection: sa.Connection) -> None:
    """Bring the database to `schema.HEAD` in one transaction, and prove that it can be written.

    Raises:
        errors.StoreError: the database is newer than this code, or not one of Frontdesk's.
    """
    with connection.begin():  # checked again inside: two processes may start at once
        dialect.lock_schema(connection)
        if check(connection) != schema.HEAD:
            _run_revisions(connection)
        jobs.touch(connection)  # a read-only file or a full disk is said now, not to a visitor


def check(connection: sa.Connection) -> str:
    """The revision of the database, "" for an empty one. Reads only.

    Raises:
        errors.StoreError: the database is newer than this code, or not one of Frontdesk's.
    """
    revision = _revision(connection)
    if revision > schema.HEAD:
        raise errors.StoreError(
            f"The database has schema {revision}, this Frontdesk knows up to {schema.HEAD}.",
            hint="Install the newer Frontdesk again, or restore a backup made before its upgrade.",
        )
    return revision


def _revision(connection: sa.Connection) -> str:
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return ""
    if schema.revision.name not in tables:
        names = ", ".join(repr(name) for name in tables[:3])
        raise errors.StoreError(
            f"The database was not made by Frontdesk: it holds {names}.",
            hint="Name another file or database for Frontdesk's conversations.",
        )
    return str(connection.scalar(sa.select(schema.revision.c.version_num)) or "")


def _run_revisions(connection: sa.Connection) -> None:
    from alembic import command, config  # takes a quarter of a second: only when there is work

    settings = config.Config()
    folder = Path(__file__).parent / "migrations"
    settings.set_main_option("script_location", str(folder).replace("%", "%%"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
