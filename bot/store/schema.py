"""The tables as the code uses them. A change here needs a new revision in `migrations/versions`."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0001"
"""The newest revision; revisions are numbered, so that a newer database is seen to be newer."""

metadata = sa.MetaData()

# Kept apart from `metadata`: Alembic makes it. Its name marks a database as ours.
revision = sa.Table(
    "frontdesk_revision", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)

# Points in time are seconds since 1970, UTC, as in Rasa's events.

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    # The fold of the conversation's slot events, so that no turn has to read them all.
    sa.Column("slots", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.UniqueConstraint("channel", "sender", name="conversations_channel_sender"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id"), nullable=False),
    # Place in the conversation, from 1: clocks jump, so time does not order turns.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("external_id", sa.Text),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.UniqueConstraint("conversation_id", "number", name="turns_conversation_number"),
    sa.UniqueConstraint("conversation_id", "external_id", name="turns_conversation_external"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id"), nullable=False),
    # Empty for events outside any turn.
    sa.Column("turn_id", sa.Text, sa.ForeignKey("turns.id")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("timestamp", sa.Double, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("events_conversation_seq", "conversation_id", "seq"),
    sa.Index("events_turn", "turn_id"),
    # A seq is never given twice, even after the last event was deleted: clients resume by it.
    sqlite_autoincrement=True,
)
