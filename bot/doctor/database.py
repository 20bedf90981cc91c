"""The database and its SQLite. Opened read-only: a running server is not to be disturbed."""

from __future__ import annotations

import importlib
import os
import sqlite3
from pathlib import Path
from types import ModuleType

from bot.doctor.finding import Finding, bad, good, poor
from bot.doctor.folders import Subject


def check(subject: Subject) -> list[Finding]:
    """Whether SQLite is safe, and whether the database opens and is one of this version's."""
    import sqlalchemy as sa  # noqa: PLC0415 - may be missing

    address = sa.make_url(subject.settings.database_url)
    if address.get_backend_name() == "postgresql":
        return [_postgres(subject.settings.database_url)]
    if address.get_backend_name() != "sqlite":
        said = f"Conversations cannot be kept in {address.get_backend_name()!r}."
        return [bad("database", said, "Use an address such as sqlite:///var/frontdesk.db.")]
    module = driver()
    path = Path(address.database or "")
    if not path.exists():
        return [sqlite_version(module), good("database", f"{path} is made at the first start")]
    return [sqlite_version(module), _opened(path, module)]


def _postgres(url: str) -> Finding:
    import sqlalchemy as sa  # noqa: PLC0415

    from bot.store import migration, postgres, schema  # noqa: PLC0415

    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = sa.create_engine(
            address, poolclass=sa.NullPool, connect_args={"connect_timeout": postgres.CONNECT_S}
        )
        with engine.connect() as connection:
            revision = migration.check(connection)
    except sa.exc.SQLAlchemyError as cause:
        raise postgres.translate(cause, "PostgreSQL cannot be opened") from cause
    old = "" if revision == schema.HEAD else "; brought up to date at the next start"
    return good("database", f"PostgreSQL, schema {revision or 'empty'}{old}")


def driver() -> ModuleType:
    """The SQLite that the store would take."""
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return sqlite3


def sqlite_version(module: ModuleType) -> Finding:
    """Whether this SQLite can be trusted with two connections."""
    from bot.store import sqlite  # noqa: PLC0415 - loads SQLAlchemy

    said = f"version {module.sqlite_version}"
    if sqlite.has_wal_bug(module.sqlite_version):
        remedy = "Install a mended and quicker one: `pip install pysqlite3`."
        return poor("sqlite", f"{said} damages databases with two connections.", remedy)
    return good("sqlite", said)


def _opened(path: Path, module: ModuleType) -> Finding:
    import sqlalchemy as sa  # noqa: PLC0415

    from bot.store import migration, schema, sqlite  # noqa: PLC0415

    address = f"sqlite:///{path.absolute().as_uri()}?mode=ro&uri=true"
    engine = sa.create_engine(address, module=module, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            revision = migration.check(connection)
    except (sa.exc.SQLAlchemyError, module.Error) as cause:
        raise sqlite.translate(cause, f"{path} cannot be opened") from cause
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        remedy = "Give this user the right to write to the file and to its folder."
        return bad("database", f"{path} cannot be written to.", remedy)
    size = path.stat().st_size / 1e6
    old = "" if revision == schema.HEAD else "; brought up to date at the next start"
    return good("database", f"{path}, {size:.1f} MB, schema {revision or 'empty'}{old}")
