"""The journal over SQL: what `bot.ports.Journal` promises, each method one job of a thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from bot.records import Backlog, Delivered, Entry, Incoming, Parcel
from bot.store import journal, leases, outbox
from bot.store.threads import Job

T = TypeVar("T")


class Do(Protocol):
    """Runs a job on a database thread."""

    def __call__(self, job: Job[T], /) -> Awaitable[T]:
        """What the job gives."""


class SqlJournal:
    """See `bot.ports.Journal`."""

    def __init__(self, *, write: Do, read: Do, is_shared: bool) -> None:
        """Work through the threads of a store."""
        self._write = write
        self._read = read
        self.is_shared = is_shared

    async def accept(
        self,
        items: Sequence[Incoming],
        *,
        owner: str,
        outgoing: Sequence[Parcel] = (),
        remember: tuple[str, Mapping[str, Any]] | None = None,
    ) -> list[Entry]:
        """See `bot.ports.Journal.accept`."""

        def job(on: sa.Connection) -> list[Entry]:
            entries = journal.accept(on, items, owner)
            if outgoing:
                new = {entry.message.id for entry in entries if entry.is_new}
                outbox.add(on, [parcel for parcel in outgoing if parcel.turn_id in new])
            if remember is not None:
                journal.remember(on, *remember)
            return entries

        return await self._write(job)

    async def claim(
        self, owner: str, *, now: float, limit: int
    ) -> tuple[list[Entry], list[Parcel]]:
        """See `bot.ports.Journal.claim`; nothing is written when nothing is free."""
        if not await self._read(lambda on: journal.claimable(on, now) or outbox.claimable(on, now)):
            return [], []
        return await self._write(
            lambda on: (
                journal.claim(on, owner, now, limit),
                outbox.claim(on, owner, now, limit),
            )
        )

    async def held(
        self, owner: str, *, but: Callable[[str], bool]
    ) -> tuple[list[Entry], list[Parcel]]:
        """See `bot.ports.Journal.held`."""
        return await self._read(
            lambda on: (journal.held(on, owner, but), outbox.held(on, owner, but))
        )

    async def fail(self, message_id: str, error: str, *, is_last: bool) -> None:
        """See `bot.ports.Journal.fail`."""
        await self._write(lambda on: journal.fail(on, message_id, error, is_last=is_last))

    async def forget(self, message_id: str) -> None:
        """See `bot.ports.Journal.forget`."""
        await self._write(lambda on: journal.forget(on, message_id))

    async def start(self, key: str, *, owner: str) -> bool:
        """See `bot.ports.Journal.start`."""
        return await self._write(lambda on: outbox.start(on, key, owner))

    async def finish(self, key: str) -> None:
        """See `bot.ports.Journal.finish`."""
        await self._write(lambda on: outbox.finish(on, key))

    async def postpone(self, key: str, *, due_at: float, attempts: int, error: str) -> None:
        """See `bot.ports.Journal.postpone`."""
        await self._write(
            lambda on: outbox.postpone(on, key, due_at=due_at, attempts=attempts, error=error)
        )

    async def bury(self, key: str, *, attempts: int, error: str) -> None:
        """See `bot.ports.Journal.bury`."""
        await self._write(lambda on: outbox.bury(on, key, attempts=attempts, error=error))

    async def take(self, channel: str, turn_id: str) -> bool:
        """See `bot.ports.Journal.take`."""
        return await self._write(lambda on: outbox.take(on, channel, turn_id))

    async def pieces(self, state: Delivered, *, limit: int = 100) -> Sequence[Parcel]:
        """See `bot.ports.Journal.pieces`."""
        return await self._read(lambda on: outbox.in_state(on, state, limit))

    async def replay(self, keys: Sequence[str] | None, *, now: float) -> int:
        """See `bot.ports.Journal.replay`."""
        return await self._write(
            lambda on: outbox.replay(on, keys, now) + (journal.revive(on) if keys is None else 0)
        )

    async def beat(self, owner: str, *, until: float) -> None:
        """See `bot.ports.Journal.beat`. Not behind the writes that wait: busy is not dead."""
        do = self._read if self.is_shared else self._write
        await do(lambda on: leases.beat(on, owner, until))

    async def leave(self, owner: str) -> None:
        """See `bot.ports.Journal.leave`."""

        def job(on: sa.Connection) -> None:
            journal.release(on, owner)
            outbox.release(on, owner)
            leases.leave(on, owner)

        await self._write(job)

    async def take_over(self) -> None:
        """See `bot.ports.Journal.take_over`."""
        await self._write(lambda on: leases.leave(on, None))

    async def state_of(self, channel: str) -> dict[str, Any]:
        """See `bot.ports.Journal.state_of`."""
        return await self._read(lambda on: journal.remembered(on, channel))

    async def address_of(self, channel: str, sender: str) -> Mapping[str, Any] | None:
        """See `bot.ports.Journal.address_of`."""
        return await self._read(lambda on: journal.last_address(on, channel, sender))

    async def backlog(self) -> Backlog:
        """See `bot.ports.Journal.backlog`."""
        return await self._read(
            lambda on: Backlog(
                messages=journal.count(on, journal.PENDING),
                failed_messages=journal.count(on, journal.FAILED),
                parcels=outbox.count_open(on),
                dead_parcels=outbox.count_dead(on),
            )
        )

    async def purge(self, *, before: float, limit: int = 1000) -> int:
        """See `bot.ports.Journal.purge`."""

        def job(on: sa.Connection) -> int:
            leases.forget(on, before)
            return journal.purge(on, before, limit) + outbox.purge(on, before, limit)

        return await self._write(job)
