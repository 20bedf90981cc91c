"""Outgoing events: what happens is told to the integrators' systems, signed, by the outbox.

A subscriber is a channel that only sends: an event is a piece, its address is empty, and its
`webhook-id` is the piece's key, the same whenever it is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from bot import errors
from bot.channels import outbound
from bot.channels.channel import Delivery, Received, Request, SendError
from bot.channels.standard import Keys
from bot.domain import BotMessage

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S = 20.0
GONE = 410  # the receiver's way to say "never again"


class EventType(StrEnum):
    """What integrators can be told of."""

    RECEIVED = "message.received"
    REPLIED = "message.replied"
    HANDED_OVER = "conversation.handed_over"
    FEEDBACK = "feedback.given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One receiver of events."""

    name: str
    """"events:" and the name of its section."""
    url: str
    keys: Keys
    types: frozenset[EventType]
    delivery: Delivery = Delivery.EXACTLY_ONCE

    def verify(self, _request: Request) -> None:
        """Nothing comes in this way.

        Raises:
            errors.Forged: always.
        """
        raise errors.Forged

    def parse(self, _request: Request) -> Received:
        """Nothing comes in this way."""
        return Received()

    def render(
        self, _messages: Sequence[BotMessage], _address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Replies are told as events, not as messages."""
        return []

    async def send(
        self,
        piece: Mapping[str, Any],
        _address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`."""
        body = orjson.dumps(piece)
        headers = self.keys.sign(f"evt_{key}", time.time(), body)
        answer = await outbound.call(
            http,
            "POST",
            self.url,
            data=body,
            headers=headers | {"Content-Type": "application/json"},
            timeout_s=TIMEOUT_S,
        )
        if not 200 <= answer.status < 300:
            raise SendError(
                f"HTTP {answer.status}",
                permanent=answer.status == GONE,
                retry_after_s=answer.retry_after_s,
            )


def event(kind: EventType, data: Mapping[str, Any]) -> dict[str, Any]:
    """An event as the specification advises: type, timestamp, data."""
    return {
        "type": kind.value,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "data": dict(data),
    }
