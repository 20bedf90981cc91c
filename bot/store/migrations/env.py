"""Run by Alembic: applies the revisions on the connection that `bot.store.migration` hands in."""

from __future__ import annotations

from alembic import context

from bot.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.revision.name,
    transactional_ddl=True,  # the caller began the transaction, and SQLite undoes DDL too
)
context.run_migrations()
