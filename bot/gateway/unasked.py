"""Brings to the visitor what the bot says by itself: reminders, intents stated from outside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from bot.domain import Message, Reply, Turn
from bot.gateway.outgoing import Outgoing
from bot.gateway.sending import Sender
from bot.ports import Journal
from bot.records import Parcel


class Watcher(Protocol):
    """Is told of answered messages."""

    def answered(self, message: Message, turn: Turn, seconds: float) -> None:
        """A turn was stored, so long after its message came."""


class Courier:
    """Sends to where the visitor wrote from last; see `bot.ports.Unasked`."""

    def __init__(
        self, journal: Journal, outgoing: Outgoing, sender: Sender, watcher: Watcher
    ) -> None:
        """Look addresses up in `journal`, hand pieces to `sender`."""
        self._journal = journal
        self._outgoing = outgoing
        self._sender = sender
        self._watcher = watcher

    async def pieces(self, message: Message, reply: Reply) -> Sequence[Parcel]:
        """See `bot.ports.Unasked.pieces`; only events for integrators without an address."""
        address = await self._journal.address_of(message.channel, message.sender)
        return self._outgoing.of_reply(message, reply, address, is_asked=False)

    def stored(self, message: Message, turn: Turn, pieces: Sequence[Parcel]) -> None:
        """See `bot.ports.Unasked.stored`."""
        self._watcher.answered(message, turn, time.time() - message.received_at.timestamp())
        for parcel in pieces:
            self._sender.put(parcel)
