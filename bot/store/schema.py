"""The tables as the code uses them. A change here needs a new revision in `migrations/versions`."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0004"
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
    # Rasa's API names a conversation by its sender alone.
    sa.Index("conversations_sender", "sender"),
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

# The journal: what came in, kept before the sender is told so. Answered rows stay for 8 days, as
# the memory of what was seen.
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    # Of the message, and of its turn.
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("dedupe_key", sa.Text),
    sa.Column("message", sa.JSON, nullable=False),
    sa.Column("address", sa.JSON(none_as_null=True)),
    # pending, answered, failed
    sa.Column("state", sa.Text, nullable=False),
    # The process that answers it; empty when nobody does.
    sa.Column("owner", sa.Text),
    sa.Column("deliveries", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.UniqueConstraint("channel", "scope", "dedupe_key", name="inbox_dedupe"),
    sa.Index(
        "inbox_pending",
        "channel",
        "sender",
        "seq",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index(
        "inbox_failed",
        "seq",
        sqlite_where=sa.text("state = 'failed'"),
        postgresql_where=sa.text("state = 'failed'"),
    ),
    sa.Index("inbox_received", "received_at"),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("turn_id", sa.Text),
    sa.Column("piece", sa.JSON, nullable=False),
    sa.Column("address", sa.JSON, nullable=False),
    # waiting, sending, sent, dead
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("due_at", sa.Double, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("uncertain", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index(
        "outbox_open",
        "channel",
        "lane",
        "seq",
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    ),
    sa.Index(
        "outbox_dead",
        "seq",
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    ),
    sa.Index("outbox_turn", "turn_id"),
    sa.Index("outbox_created", "created_at"),
    sqlite_autoincrement=True,
)

# What visitors thought of replies: the last word on each turn.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("turn_id", sa.Text, sa.ForeignKey("turns.id"), primary_key=True),
    # helpful, not_helpful
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("given_at", sa.Double, nullable=False),
)

# Processes that answer and send. What belongs to one that is late may be taken over.
workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("alive_until", sa.Double, nullable=False),
)

# What a channel has to remember between two pulls: its cursor.
channel_states = sa.Table(
    "channel_states",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("state", sa.JSON, nullable=False),
)

# Reminders that a dialogue has set and that are not due yet.
reminders = sa.Table(
    "reminders",
    metadata,
    # New each time that it is set; names the turn that it becomes.
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("due_at", sa.Double, nullable=False),
    # The event as the tracker has it.
    sa.Column("data", sa.JSON, nullable=False),
    # When the event happened.
    sa.Column("set_at", sa.Double, nullable=False),
    # The process that brings it; empty when nobody does.
    sa.Column("owner", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index("reminders_due", "due_at"),
    sa.Index("reminders_conversation", "channel", "sender"),
)

# What a long conversation came to at some event, so that it is not folded from its first one.
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("sender", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    # Of the project's version that it is of use to.
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
