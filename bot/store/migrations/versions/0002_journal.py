"""The journal, the outbox, who works on them, and what channels remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables; written out, because `bot.store.schema` moves on."""
    _inbox()
    _outbox()
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("alive_until", sa.Double, nullable=False),
    )
    op.create_table(
        "channel_states",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("state", sa.JSON, nullable=False),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("seq", SEQ, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("dedupe_key", sa.Text),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("address", sa.JSON),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("deliveries", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.UniqueConstraint("channel", "scope", "dedupe_key", name="inbox_dedupe"),
        sqlite_autoincrement=True,
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "inbox_pending",
        "inbox",
        ["channel", "sender", "seq"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    failed = sa.text("state = 'failed'")
    op.create_index("inbox_failed", "inbox", ["seq"], sqlite_where=failed, postgresql_where=failed)
    op.create_index("inbox_received", "inbox", ["received_at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", SEQ, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("turn_id", sa.Text),
        sa.Column("piece", sa.JSON, nullable=False),
        sa.Column("address", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("uncertain", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    unsent = sa.text("state IN ('waiting', 'sending')")
    op.create_index(
        "outbox_open",
        "outbox",
        ["channel", "lane", "seq"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    dead = sa.text("state = 'dead'")
    op.create_index("outbox_dead", "outbox", ["seq"], sqlite_where=dead, postgresql_where=dead)
    op.create_index("outbox_turn", "outbox", ["turn_id"])
    op.create_index("outbox_created", "outbox", ["created_at"])
