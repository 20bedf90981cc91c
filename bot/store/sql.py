"""The store over SQL: what `bot.ports.Store` promises, in Core statements for any dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from bot import errors, reasons
from bot.domain import Conversation, Event, Feedback, Message, Reply, StoredEvent, Turn
from bot.records import Parcel
from bot.store import jobs, opinions, queries
from bot.store.reminders import SqlReminders
from bot.store.snapshots import SqlSnapshots
from bot.store.sqljournal import SqlJournal
from bot.store.threads import DatabaseThread, Job

T = TypeVar("T")


class SqlStore:
    """Keeps conversations in an SQL database. Its methods hold no thread up while they wait."""

    def __init__(
        self,
        writer: DatabaseThread,
        reader: DatabaseThread,
        *,
        translate: Callable[[Exception], Exception],
        is_shared: bool = False,
    ) -> None:
        """Take over two running threads.

        Args:
            writer: runs the jobs that write.
            reader: runs the jobs that read; may be the same one.
            translate: makes a `StoreError` of a driver's error, and leaves others as they are.
            is_shared: whether several processes may answer from this database.
        """
        self._writer = writer
        self._reader = reader
        self._translate = translate
        self._broken: errors.StoreError | None = None
        self.journal = SqlJournal(
            write=lambda job: self._do(writer, job),
            read=lambda job: self._do(reader, job),
            is_shared=is_shared,
        )
        self.reminders = SqlReminders(
            write=lambda job: self._do(writer, job), read=lambda job: self._do(reader, job)
        )
        self.snapshots = SqlSnapshots(
            write=lambda job: self._do(writer, job), read=lambda job: self._do(reader, job)
        )

    async def open_turn(self, message: Message) -> tuple[Conversation, Turn | None]:
        """See `bot.ports.Store.open_turn`."""
        return await self._do(self._reader, lambda on: jobs.open_turn(on, message))

    async def close_turn(
        self,
        conversation: Conversation,
        message: Message,
        reply: Reply,
        events: Sequence[Event],
        outgoing: Sequence[Parcel] = (),
        *,
        reminds: bool = True,
    ) -> Turn:
        """See `bot.ports.Store.close_turn`. A cancelled caller's turn may be stored all the same.

        Raises:
            errors.Busy: too many turns wait to be written; nothing was stored.
            errors.StoreError: the database refused; nothing was stored.
        """
        row = queries.TurnRow(
            id=message.id,
            conversation_id=conversation.id,
            external_id=message.external_id,
            outcome=reply.decision.outcome.value,
            reasons=reasons.explain(reply),
            created_at=message.received_at.timestamp(),
        )
        # The caller may go on with the lists while this one waits.
        events, outgoing = tuple(events), tuple(outgoing)
        return await self._do(
            self._writer,
            lambda on: jobs.close_turn(on, conversation, row, events, outgoing, reminds=reminds),
        )

    async def events_after(
        self,
        channel: str,
        sender: str,
        *,
        after: int = 0,
        limit: int = 500,
        from_start: bool = False,
    ) -> Sequence[StoredEvent]:
        """See `bot.ports.Store.events_after`. `after` below 0 counts as 0.

        Raises:
            ValueError: `limit` is below 1.
        """
        if limit < 1:
            msg = f"limit must be 1 or more, not {limit}"
            raise ValueError(msg)
        who = jobs.Who(channel=channel, sender=sender)
        return await self._do(
            self._reader,
            lambda on: jobs.events_after(on, who, after=after, limit=limit, from_start=from_start),
        )

    async def channels_of(self, sender: str) -> Sequence[str]:
        """See `bot.ports.Store.channels_of`."""
        return await self._do(self._reader, lambda on: jobs.channels_of(on, sender))

    async def turn(self, turn_id: str) -> Turn | None:
        """See `bot.ports.Store.turn`."""
        return await self._do(self._reader, lambda on: jobs.turn(on, turn_id))

    async def turn_of(self, channel: str, sender: str, seq: int) -> str | None:
        """See `bot.ports.Store.turn_of`."""
        if not 0 < seq <= queries.MAX_SEQ:
            return None
        return await self._do(self._reader, lambda on: opinions.turn_of(on, channel, sender, seq))

    async def give_feedback(self, given: Feedback, outgoing: Sequence[Parcel] = ()) -> bool:
        """See `bot.ports.Store.give_feedback`."""
        outgoing = tuple(outgoing)
        return await self._do(self._writer, lambda on: opinions.give(on, given, outgoing))

    async def feedback_on(self, turn_id: str) -> tuple[str, str] | None:
        """See `bot.ports.Store.feedback_on`."""
        return await self._do(self._reader, lambda on: opinions.of_turn(on, turn_id))

    async def ping(self) -> None:
        """See `bot.ports.Store.ping`: writes and waits for the disk, so some milliseconds."""
        await self._do(self._writer, jobs.touch)

    async def close(self) -> None:
        """See `bot.ports.Store.close`."""
        for thread in (self._reader, self._writer):  # the writer last: it tidies up the files
            await asyncio.to_thread(thread.stop)

    async def _do(self, thread: DatabaseThread, job: Job[T]) -> T:
        if self._broken is not None and thread is self._writer:
            raise self._broken
        try:
            return await asyncio.wrap_future(thread.submit(job))
        except errors.FrontdeskError:
            raise
        except Exception as error:
            translated = self._translate(error)
            if translated is error:
                raise
            if isinstance(translated, errors.StoreError) and translated.is_lasting:
                self._broken = translated
            raise translated from error
