"""Takes messages in and has them answered: durable first, then in order, then the reply is sent.

A caller may wait for its turn (`answer`, `turn_of`); a repeated message joins the running
computation. What a process that died has left, `adopt` goes on with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from bot import errors, tracing
from bot.brain import BrainBox
from bot.domain import Message, Reply, Turn
from bot.engine import Engine
from bot.gateway import backoff
from bot.gateway.lanes import Lanes
from bot.gateway.load import Load
from bot.gateway.outgoing import Outgoing
from bot.gateway.sending import Sender
from bot.ports import Store
from bot.records import Entry, Incoming, Parcel

AT_ONCE = 64  # messages being answered side by side; the models take them in batches
MAX_DEFECTS = 3  # a message that makes the engine fail so often is given up
LONGEST_PAUSE_S = 5.0
LOOK_EVERY_S = 0.2  # for a turn that another process makes
_log = structlog.get_logger()


class Watcher(Protocol):
    """Is told of every answered message; counts."""

    def answered(self, message: Message, turn: Turn, seconds: float) -> None:
        """The turn is stored, so long after the message came in."""


class Intake:
    """The receiving half of the gateway."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        box: BrainBox,
        outgoing: Outgoing,
        sender: Sender,
        *,
        owner: str,
        watcher: Watcher,
        max_waiting: int,
        max_wait_s: float,
    ) -> None:
        """Nothing runs before the first message.

        Args:
            store: holds journal and turns.
            engine: answers.
            box: tells when it can.
            outgoing: makes pieces of replies.
            sender: sends them.
            owner: this process.
            watcher: is told of every answered message.
            max_waiting: messages in this process's hands; more are refused.
            max_wait_s: callers who would wait longer are refused at once.
        """
        self._store = store
        self._engine = engine
        self._box = box
        self._outgoing = outgoing
        self._sender = sender
        self._owner = owner
        self._watcher = watcher
        self._max_waiting = max_waiting
        self._load = Load(max_wait_s, AT_ONCE)
        self._lanes: Lanes[tuple[str, str], Entry] = Lanes("answering", self._work)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._promises: dict[str, asyncio.Future[Turn]] = {}
        self._waits: set[asyncio.Timeout] = set()
        self._coming = 0
        self._is_dismissed = False
        self._is_closing = False

    def __len__(self) -> int:
        """How many messages are in this process's hands, those being stored among them."""
        return len(self._lanes) + self._coming

    @property
    def room(self) -> int:
        """How many more it takes."""
        return max(0, self._max_waiting - len(self))

    async def accept(
        self,
        items: Sequence[Incoming],
        *,
        remember: tuple[str, Mapping[str, Any]] | None = None,
    ) -> list[Entry]:
        """Store messages durably, and begin to answer those that are new.

        Raises:
            errors.Busy: too many wait; nothing was stored.
            errors.StoreError: they could not be stored.
        """
        self._check_room(len(items))
        with tracing.span("accept", message=items[0].message.id if items else ""):
            # Shielded as a whole: a sender who hangs up must not leave stored what nobody begins.
            return await asyncio.shield(self._taken_in(items, remember))

    async def _taken_in(
        self, items: Sequence[Incoming], remember: tuple[str, Mapping[str, Any]] | None
    ) -> list[Entry]:
        told = [parcel for item in items for parcel in self._outgoing.of_message(item.message)]
        self._coming += len(items)
        try:
            entries = await self._store.journal.accept(
                items, owner=self._owner, outgoing=told, remember=remember
            )
        finally:
            self._coming -= len(items)
        new = {entry.message.id for entry in entries if entry.is_new}
        for entry in entries:
            if entry.is_new and entry.is_mine:
                self._begin(entry)
        for parcel in told:
            if parcel.turn_id in new:
                self._sender.put(parcel)
        return entries

    async def answer(self, message: Message, *, within_s: float) -> Turn:
        """The turn of a message whose sender waits for it.

        Raises:
            errors.NotReady: there is no model yet; nothing was stored.
            errors.Busy: too many wait, and nothing was stored; or it took longer than `within_s`
                and the message will be answered all the same.
            errors.DependencyError: it failed; the same message again is a new attempt.
        """
        _ = self._box.brain  # raises NotReady
        self._load.check(len(self))
        item = Incoming(
            message=replace(message, external_id=message.external_id or message.id),
            scope=message.sender if message.external_id else "",
            dedupe_key=message.external_id,
        )
        (entry,) = await self.accept([item])
        turn = await self.turn_of(entry, within_s=within_s)
        if turn is None:
            late = f"The answer takes longer than {within_s:g} s."
            raise errors.Busy(
                "Frontdesk is being stopped." if self._is_dismissed else late,
                hint="Send the same message with the same id again to get it.",
            )
        return turn

    async def turn_of(self, entry: Entry, *, within_s: float) -> Turn | None:
        """The turn of a message in the journal as soon as it is stored, None if that is too late.

        Raises:
            errors.FrontdeskError: answering it failed just now.
        """
        limit = asyncio.timeout(0.0 if self._is_dismissed else max(within_s, 0.0))
        try:
            async with limit:
                self._waits.add(limit)
                promise = self._promises.get(entry.message.id)
                if promise is not None:
                    return await asyncio.shield(promise)
                return await self._made_elsewhere(entry)
        except TimeoutError:
            return None
        finally:
            self._waits.discard(limit)

    def has(self, message_id: str) -> bool:
        """Whether a message is in this process's hands."""
        return message_id in self._promises

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Answer messages that were claimed from the journal."""
        for entry in entries:
            self._begin(entry)

    def dismiss(self) -> None:
        """Let nobody wait any longer; what they wait for is answered all the same."""
        self._is_dismissed = True
        now = asyncio.get_running_loop().time()
        for limit in self._waits:
            if not limit.expired():
                limit.reschedule(now)

    def close(self) -> None:
        """Take nothing in any more."""
        self._is_closing = True

    async def drain(self, within_s: float) -> bool:
        """Wait until all is answered; whether that came in time."""
        return await self._lanes.drain(within_s)

    async def stop(self) -> None:
        """Drop what is not answered: it is in the journal."""
        await self._lanes.stop()
        for promise in self._promises.values():
            promise.cancel()

    def _check_room(self, count: int) -> None:
        if self._is_closing:
            raise errors.Busy("Frontdesk is being stopped.")
        if count > self.room:
            raise errors.Busy("Too many messages wait for an answer.")

    def _begin(self, entry: Entry) -> None:
        message = entry.message
        if message.id in self._promises:  # upkeep may claim what `accept` has stored just now
            return
        promise: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        promise.add_done_callback(_seen)
        self._promises[message.id] = promise
        self._lanes.put((message.channel, message.sender), entry)

    async def _made_elsewhere(self, entry: Entry) -> Turn:
        """The turn of a message that is answered, or being answered by another process."""
        while True:
            turn = await self._store.turn(entry.message.id)
            if turn is not None:
                return turn
            await asyncio.sleep(LOOK_EVERY_S)

    async def _work(self, entry: Entry) -> None:
        """Answer one message and hand over what is to be sent."""
        made = await self._made(entry)
        if made is None:
            return
        turn, pieces = made
        message = entry.message
        took_s = time.time() - message.received_at.timestamp()
        self._watcher.answered(message, turn, took_s)
        _log.info(
            turn.outcome.value,
            action="message_answered",
            channel=message.channel,
            conversation=turn.conversation_id,
            message=message.id,
            took_ms=round(took_s * 1000),
        )
        self._keep(message.id, turn)
        for parcel in pieces:
            self._sender.put(parcel)

    async def _made(self, entry: Entry) -> tuple[Turn, list[Parcel]] | None:
        """The stored turn and its pieces, however often it takes; None when it is given up."""
        defects, failures = entry.attempts, 0
        while True:
            await self._box.wait()
            try:
                async with self._places:
                    began = time.monotonic()
                    made = await self._turn(entry)
                    self._load.finished(time.monotonic() - began)
                    return made
            except errors.DependencyError as cause:
                failures += 1
                if await self._told(entry, cause):
                    return None
            except Exception as defect:
                defects += 1
                if await self._broken(entry, defect, is_last=defects >= MAX_DEFECTS):
                    return None
            await asyncio.sleep(
                backoff.pause_s(failures + defects, first_s=0.2, longest_s=LONGEST_PAUSE_S)
            )

    async def _turn(self, entry: Entry) -> tuple[Turn, list[Parcel]]:
        pieces: list[Parcel] = []

        def deliver(message: Message, reply: Reply) -> list[Parcel]:
            pieces.extend(self._outgoing.of_reply(message, reply, entry.address))
            return pieces

        message = entry.message
        with tracing.span("answer", message=message.id, channel=message.channel):
            return await self._engine.answer(message, deliver), pieces

    async def _told(self, entry: Entry, cause: errors.DependencyError) -> bool:
        """Tell who waits that it failed; whether that is the end of it.

        A sender who numbers nothing can only write anew: his message is dropped, or he would get
        two answers. All others are answered later.
        """
        _log.warning(str(cause), action="answer_postponed", message=entry.message.id)
        nobody_else = entry.address is None and entry.message.external_id == entry.message.id
        if nobody_else:
            try:
                await self._store.journal.forget(entry.message.id)
            except errors.DependencyError:
                nobody_else = False
        self._break(entry, cause, for_good=nobody_else)
        return nobody_else

    async def _broken(self, entry: Entry, defect: Exception, *, is_last: bool) -> bool:
        _log.exception("unexpected error", action="answer_crashed", message=entry.message.id)
        kind = type(defect).__name__
        try:
            await self._store.journal.fail(entry.message.id, kind, is_last=is_last)
        except errors.DependencyError as cause:
            _log.warning(str(cause), action="journal_not_noted", message=entry.message.id)
        self._break(entry, defect, for_good=is_last)
        return is_last

    def _keep(self, message_id: str, turn: Turn) -> None:
        promise = self._promises.pop(message_id)
        if not promise.done():
            promise.set_result(turn)

    def _break(self, entry: Entry, cause: Exception, *, for_good: bool) -> None:
        """Fail those who wait now; who comes later waits for the next attempt."""
        promise = self._promises.pop(entry.message.id)
        if not promise.done():
            promise.set_exception(cause)
        if not for_good:
            anew: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
            anew.add_done_callback(_seen)
            self._promises[entry.message.id] = anew


def _seen(promise: asyncio.Future[Turn]) -> None:
    """Most messages have nobody waiting: their failures are logged already."""
    if not promise.cancelled():
        promise.exception()
