"""What the journal and the outbox hold, as plain data: messages to answer, pieces to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.domain import Event, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message on its way into the journal."""

    message: Message
    scope: str = ""
    """Within a channel, whose numbers `dedupe_key` is one of: an account, or a sender."""
    dedupe_key: str | None = None
    """The same for every delivery; None when the sender numbers nothing."""
    address: Mapping[str, Any] | None = None
    """JSON-ready: where the reply goes; None when the caller waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message as it stands in the journal."""

    message: Message
    address: Mapping[str, Any] | None
    is_new: bool
    """False when the journal held it already."""
    is_answered: bool
    is_mine: bool
    """Whether the process that asked is the one to answer it."""
    deliveries: int = 1
    """How often it came in."""
    attempts: int = 0
    """How often answering it ended in a defect."""


class Delivered(StrEnum):
    """Where a piece of the outbox stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """The vendor may have it already; found after a crash, it is uncertain."""
    SENT = "sent"
    DEAD = "dead"
    """Given up; `frontdesk outbox replay` sends it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One piece of the outbox: one call of a channel's `send`."""

    key: str
    """The same whenever this piece is sent; a UUID."""
    channel: str
    """Name of the channel, or "events:<name>" for an outgoing event."""
    lane: str
    """Pieces of one channel and lane are sent one after the other: the sender's name."""
    turn_id: str | None
    """The turn that it is part of, if it is the reply to a message."""
    piece: Mapping[str, Any]
    address: Mapping[str, Any]
    due_at: float
    """Not before; seconds since 1970."""
    created_at: float
    attempts: int = 0
    is_uncertain: bool = False
    """It may have been sent once already."""
    error: str = ""
    """What the vendor said last."""
    owner: str | None = None
    """The process that sends it; None: whoever comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """What a dialogue wants to be reminded of."""

    key: str
    """The same whenever it is tried."""
    channel: str
    sender: str
    event: Event
    """As the tracker has it: intent, entities, name, kill_on_user_msg."""
    attempts: int = 0
    """How often it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits."""

    messages: int = 0
    failed_messages: int = 0
    """Given up; only a defect of ours does that."""
    parcels: int = 0
    dead_parcels: int = 0
