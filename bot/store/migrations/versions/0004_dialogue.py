"""Reminders that outlive the process, snapshots of long conversations, and whose a sender is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables; written out, because `bot.store.schema` moves on."""
    op.create_table(
        "reminders",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("set_at", sa.Double, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_index("reminders_due", "reminders", ["due_at"])
    op.create_index("reminders_conversation", "reminders", ["channel", "sender"])
    op.create_table(
        "snapshots",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("sender", sa.Text, primary_key=True),
        sa.Column("seq", SEQ, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("conversations_sender", "conversations", ["sender"])
