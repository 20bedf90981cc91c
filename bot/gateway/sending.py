"""Sends what is in the outbox: in order within a lane, each channel for itself, until it is taken.

A piece waits until it is due and its channel's breaker lets it pass; then it is marked as being
sent (so that a crash shows), sent, and marked as sent. What the vendor does not take is postponed,
with jitter or for as long as the vendor says; after `max_attempts`, or at once when trying again
is of no use, it becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from bot import errors, tracing
from bot.channels.channel import Channel, Delivery, SendError
from bot.gateway import backoff
from bot.gateway.breaker import Breaker
from bot.gateway.lanes import Lanes
from bot.ports import Journal
from bot.records import Parcel

if TYPE_CHECKING:
    import aiohttp

AT_ONCE = 16  # calls to one vendor side by side
LONGEST_CALL_S = 60.0
UNTIL_STORE_WORKS_S = 5.0  # longest pause between two tries to note something
T = TypeVar("T")
_log = structlog.get_logger()


class Watcher(Protocol):
    """Is told what happens; counts."""

    def sent(self, channel: str, how: str, seconds: float) -> None:
        """A piece was sent, postponed or buried, so long after it was made."""


class Sender:
    """The sending half of the gateway."""

    def __init__(
        self,
        journal: Journal,
        channels: Mapping[str, Channel],
        *,
        owner: str,
        http: aiohttp.ClientSession,
        watcher: Watcher,
        max_attempts: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing runs before the first `put`.

        Args:
            journal: knows the pieces.
            channels: by name, those of outgoing events too.
            owner: this process.
            http: for the channels' calls.
            watcher: is told of every end of a piece.
            max_attempts: then it is a dead letter.
            now: the clock, seconds since 1970.
        """
        self._journal = journal
        self._owner = owner
        self._http = http
        self._watcher = watcher
        self._max_attempts = max_attempts
        self._now = now
        self._channels = channels
        self._vendors = {name: _Vendor() for name in channels}
        self._lanes: Lanes[tuple[str, str], Parcel] = Lanes("sending", self._deliver)
        self._keys: set[str] = set()
        self._taken: dict[str, asyncio.Event] = {}
        self._is_closing = False

    def __len__(self) -> int:
        """How many pieces are in this process's hands."""
        return len(self._lanes)

    def has(self, key: str) -> bool:
        """Whether a piece is in this process's hands."""
        return key in self._keys

    def put(self, parcel: Parcel) -> None:
        """Send a stored piece of ours when it is due, unless it is in hand already."""
        if parcel.key in self._keys:
            return
        if parcel.channel not in self._channels:
            _log.warning(
                "a piece waits for a channel that is not configured",
                action="channel_missing",
                channel=parcel.channel,
            )
            return
        if parcel.is_uncertain:
            _log.warning(
                "it may have been sent before",
                action="delivery_uncertain",
                delivery="uncertain",
                channel=parcel.channel,
                message=parcel.turn_id,
                key=parcel.key,
            )
        self._keys.add(parcel.key)
        self._lanes.put((parcel.channel, parcel.lane), parcel)

    def taken(self, turn_id: str) -> None:
        """The pieces of this turn were said otherwise, or can only be sent: none need wait."""
        if (event := self._taken.get(turn_id)) is not None:
            event.set()

    def open_breakers(self) -> dict[str, bool]:
        """For each channel, whether its breaker is open."""
        return {name: vendor.breaker.is_open for name, vendor in self._vendors.items()}

    def close(self) -> None:
        """Let go of what is not due yet: the outbox keeps it."""
        self._is_closing = True
        for event in self._taken.values():
            event.set()

    async def drain(self, within_s: float) -> bool:
        """Wait until all is sent, or let go; whether that came in time."""
        return await self._lanes.drain(within_s)

    async def stop(self) -> None:
        """Stop sending; what is in the middle shows as uncertain."""
        await self._lanes.stop()

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            await self._until_done(parcel)
        finally:
            self._keys.discard(parcel.key)

    async def _until_done(self, parcel: Parcel) -> None:
        while True:
            if parcel.due_at > self._now() and not self._is_closing:
                await self._until_due(parcel)
            if self._is_closing and parcel.due_at > self._now():
                return
            after = await self._attempt(parcel)
            if after is None:
                return
            parcel = after

    async def _until_due(self, parcel: Parcel) -> None:
        """Wait until it is due, or was said otherwise."""
        taken = self._taken.setdefault(parcel.turn_id or parcel.key, asyncio.Event())
        try:
            while (wait_s := parcel.due_at - self._now()) > 0 and not taken.is_set():
                with contextlib.suppress(TimeoutError):  # the clock may be set: look again
                    await asyncio.wait_for(taken.wait(), min(wait_s, 60.0))
        finally:
            self._taken.pop(parcel.turn_id or parcel.key, None)

    async def _attempt(self, parcel: Parcel) -> Parcel | None:
        """One try; the piece with its next due date, None when it is done with."""
        vendor = self._vendors[parcel.channel]
        async with vendor.places:
            await vendor.breaker.passed()
            if not await self._begins(parcel):
                return None
            with tracing.span("send", message=parcel.turn_id or "", channel=parcel.channel):
                failure = await self._send(parcel)
            vendor.note(failure)
        if failure is None:
            await self._surely(lambda: self._journal.finish(parcel.key))
            self._watcher.sent(parcel.channel, "sent", self._now() - parcel.created_at)
            _log.info(
                "sent",
                action="piece_sent",
                channel=parcel.channel,
                message=parcel.turn_id,
                key=parcel.key,
                attempts=parcel.attempts + 1,
            )
            return None
        return await self._failed(parcel, failure)

    async def _begins(self, parcel: Parcel) -> bool:
        """Note that it is being sent, where doing so twice would show; whether it is to be sent."""
        channel = self._channels[parcel.channel]
        if channel.delivery is Delivery.EXACTLY_ONCE and not hasattr(channel, "passive"):
            return True
        return await self._surely(lambda: self._journal.start(parcel.key, owner=self._owner))

    async def _send(self, parcel: Parcel) -> SendError | None:
        channel = self._channels[parcel.channel]
        try:
            async with asyncio.timeout(LONGEST_CALL_S):
                await channel.send(parcel.piece, parcel.address, key=parcel.key, http=self._http)
        except SendError as failure:
            return failure
        except TimeoutError:
            return SendError(f"no end within {LONGEST_CALL_S:g} s")
        except Exception as defect:
            # Its words may hold an address with a token: only what kind of defect it is.
            _log.error(
                f"sending ended in {type(defect).__name__}",
                action="send_crashed",
                channel=parcel.channel,
            )
            return SendError(f"defect: {type(defect).__name__}")
        return None

    async def _failed(self, parcel: Parcel, failure: SendError) -> Parcel | None:
        attempts, problem = parcel.attempts + 1, str(failure)
        about = {"channel": parcel.channel, "message": parcel.turn_id, "key": parcel.key}
        if failure.permanent or attempts >= self._max_attempts:
            await self._surely(
                lambda: self._journal.bury(parcel.key, attempts=attempts, error=problem)
            )
            _log.error(problem, action="dead_letter", attempts=attempts, **about)
            self._watcher.sent(parcel.channel, "dead", self._now() - parcel.created_at)
            return None
        wait_s = failure.retry_after_s
        due_at = self._now() + (backoff.pause_s(attempts) if wait_s is None else wait_s)
        await self._surely(
            lambda: self._journal.postpone(
                parcel.key, due_at=due_at, attempts=attempts, error=problem
            )
        )
        _log.warning(problem, action="send_postponed", attempts=attempts, **about)
        self._watcher.sent(parcel.channel, "postponed", self._now() - parcel.created_at)
        return replace(parcel, due_at=due_at, attempts=attempts, error=problem)

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """Note something however long the store needs: it was sent, and must not be again."""
        failures = 0
        while True:
            try:
                return await write()
            except errors.DependencyError as cause:
                failures += 1
                _log.warning(str(cause), action="outbox_not_noted", failures=failures)
                await asyncio.sleep(
                    backoff.pause_s(failures, first_s=0.1, longest_s=UNTIL_STORE_WORKS_S)
                )


class _Vendor:
    """What is kept of each channel, so that a slow one never slows another."""

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.places = asyncio.Semaphore(AT_ONCE)

    def note(self, failure: SendError | None) -> None:
        """What the vendor did: a refusal (permanent, or "later") shows that it is well."""
        if failure is None or failure.permanent or failure.retry_after_s is not None:
            self.breaker.succeeded()
        else:
            self.breaker.failed()
