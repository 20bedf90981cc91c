"""What a message and its reply send out: the channel's pieces, and events for integrators."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from bot.channels.abilities import HandsOver, Passive
from bot.channels.channel import Channel
from bot.domain import BotMessage, Feedback, Message, Outcome, Reply
from bot.gateway.subscribers import EventType, Subscriber, event
from bot.records import Parcel

TRY_EVERY_S = 5.0  # how often a vendor repeats a message that should be answered in the response
_log = structlog.get_logger()


class Outgoing:
    """Makes the pieces of the outbox."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        subscribers: Sequence[Subscriber],
        *,
        owner: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is kept but who there is; `owner` is this process, which will send."""
        self._channels = channels
        self._subscribers = subscribers
        self._owner = owner
        self._now = now

    def of_message(self, message: Message) -> list[Parcel]:
        """What is told when `message` came in."""
        data = _about(message) | {"text": message.text, "title": message.title}
        return list(self._events(message, EventType.RECEIVED, data, place=0))

    def of_reply(
        self,
        message: Message,
        reply: Reply,
        address: Mapping[str, Any] | None,
        *,
        is_asked: bool = True,
    ) -> list[Parcel]:
        """The pieces for the visitor, if he is somewhere to be sent to, and the events.

        What was not asked for is never said passively, so it need not be held back.
        """
        pieces = list(self._pieces(message, reply, address, is_asked=is_asked))
        outcome = reply.decision.outcome
        data = _about(message) | {
            "outcome": outcome.value,
            "reason": reply.decision.reason.value,
            "messages": [_shown(said) for said in reply.messages],
        }
        pieces += self._events(message, EventType.REPLIED, data, place=1)
        if outcome is Outcome.HANDOFF:
            pieces += self._events(message, EventType.HANDED_OVER, data, place=2)
        return pieces

    def of_feedback(self, given: Feedback) -> list[Parcel]:
        """What is told of a visitor's word; the store drops it when it was said before."""
        data = {
            "message_id": given.turn_id,
            "channel": given.channel,
            "sender": given.sender,
            "verdict": given.verdict.value,
            "comment": given.comment,
        }
        return [
            Parcel(
                key=str(uuid.uuid4()),
                channel=subscriber.name,
                lane=given.sender,
                turn_id=given.turn_id,
                piece=event(EventType.FEEDBACK, data),
                address={},
                due_at=0.0,
                created_at=self._now(),
                owner=self._owner,
            )
            for subscriber in self._subscribers
            if EventType.FEEDBACK in subscriber.types
        ]

    def _pieces(
        self,
        message: Message,
        reply: Reply,
        address: Mapping[str, Any] | None,
        *,
        is_asked: bool,
    ) -> Iterator[Parcel]:
        channel = self._channels.get(message.channel)
        if channel is None or address is None:
            return
        pieces = channel.render(reply.messages, address)
        if isinstance(channel, HandsOver) and reply.decision.outcome is Outcome.HANDOFF:
            pieces = [*pieces, *channel.handover(address)]
        # From its arrival: a reply that took longer than all deliveries need not wait any more.
        due_at = message.received_at.timestamp() + (_held_back_s(channel) if is_asked else 0)
        for number, piece in enumerate(pieces):
            yield self._parcel(
                message, message.channel, f"piece {number}", piece, address, due_at=due_at
            )

    def _events(
        self, message: Message, kind: EventType, data: Mapping[str, Any], *, place: int
    ) -> Iterator[Parcel]:
        for subscriber in self._subscribers:
            if kind in subscriber.types:
                name = f"{subscriber.name} {place}"
                yield self._parcel(message, subscriber.name, name, event(kind, data), {})

    def _parcel(
        self,
        message: Message,
        channel: str,
        name: str,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        due_at: float = 0.0,
    ) -> Parcel:
        """A piece whose key follows from the message, so that doing it twice makes the same."""
        return Parcel(
            key=str(uuid.uuid5(uuid.UUID(hex=message.id), name)),
            channel=channel,
            lane=message.sender,
            turn_id=message.id,
            piece=piece,
            address=address,
            due_at=due_at,
            created_at=self._now(),
            owner=self._owner,
        )


def _held_back_s(channel: Channel) -> float:
    """How long a reply waits to be fetched by a repeated delivery before it is sent."""
    if not isinstance(channel, Passive):
        return 0.0
    return channel.passive_tries * max(TRY_EVERY_S, channel.passive_within_s) + 1.0


def _about(message: Message) -> dict[str, Any]:
    return {"message_id": message.id, "channel": message.channel, "sender": message.sender}


def _shown(said: BotMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {"text": said.text}
    if said.buttons:
        shown["buttons"] = [{"title": b.title, "payload": b.payload} for b in said.buttons]
    if said.image:
        shown["image"] = said.image
    if said.attachment is not None:
        shown["attachment"] = said.attachment
    if said.custom is not None:
        shown["custom"] = dict(said.custom)
    return shown
