"""Reminders over SQL: kept with the turn that sets them, claimed by one process when due."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from bot.domain import Event
from bot.records import Reminder
from bot.store import leases
from bot.store.schema import reminders
from bot.store.sqljournal import Do

_ENDS = frozenset({"restart", "session_started"})
"""Events after which reminders set before are out of date."""


def note(connection: sa.Connection, channel: str, sender: str, events: Iterable[Event]) -> None:
    """Set and cancel reminders as the events of a turn say."""
    of_conversation = sa.and_(reminders.c.channel == channel, reminders.c.sender == sender)
    for event in events:
        if event.name in _ENDS:
            connection.execute(sa.delete(reminders).where(of_conversation))
        elif event.name in ("reminder", "cancel_reminder"):
            kept = connection.execute(
                sa.select(reminders.c.key, reminders.c.data).where(of_conversation)
            ).all()
            meant = _is_same if event.name == "reminder" else _is_meant
            gone = [row.key for row in kept if meant(row.data, event.data)]
            if gone:
                connection.execute(sa.delete(reminders).where(reminders.c.key.in_(gone)))
            if event.name == "reminder":
                connection.execute(sa.insert(reminders), _row(channel, sender, event))


def _is_same(kept: dict[str, object], new: dict[str, object]) -> bool:
    """Whether `new` takes the place of `kept`, as in Rasa: name, intent and entities are equal."""
    return all(kept.get(part) == new.get(part) for part in ("name", "intent", "entities"))


def _is_meant(kept: dict[str, object], cancel: dict[str, object]) -> bool:
    """Whether a cancellation means this one: what it names must be equal, nothing means all."""
    named = [part for part in ("name", "intent", "entities") if cancel.get(part)]
    return all(kept.get(part) == cancel[part] for part in named)


def _row(channel: str, sender: str, event: Event) -> dict[str, object]:
    return {
        "key": uuid.uuid4().hex,
        "channel": channel,
        "sender": sender,
        "due_at": _due(event),
        "data": dict(event.data),
        "set_at": event.timestamp,
        "attempts": 0,
    }


def _due(event: Event) -> float:
    """When, in seconds since 1970; a time without zone is local, as in Rasa."""
    return datetime.fromisoformat(str(event.data["date_time"])).timestamp()


class SqlReminders:
    """See `bot.ports.Reminders`."""

    def __init__(self, *, write: Do, read: Do) -> None:
        """Work through the threads of a store."""
        self._write = write
        self._read = read

    async def claim(self, owner: str, *, now: float, limit: int) -> list[Reminder]:
        """See `bot.ports.Reminders.claim`; nothing is written when nothing is due."""
        due = (
            sa.select(reminders)
            .where(reminders.c.due_at <= now, leases.free(reminders.c.owner))
            .order_by(reminders.c.due_at)
            .limit(limit)
        )
        if not await self._read(lambda on: on.execute(due, {"now": now}).first()):
            return []

        def job(on: sa.Connection) -> list[Reminder]:
            rows = on.execute(due.with_for_update(skip_locked=True), {"now": now}).all()
            keys = [row.key for row in rows]
            on.execute(sa.update(reminders).where(reminders.c.key.in_(keys)).values(owner=owner))
            return [_reminder(row) for row in rows]

        return await self._write(job)

    async def next_due(self, *, after: float) -> float | None:
        """See `bot.ports.Reminders.next_due`."""
        statement = sa.select(sa.func.min(reminders.c.due_at)).where(reminders.c.due_at > after)
        return await self._read(lambda on: on.scalar(statement))

    async def done(self, key: str) -> None:
        """See `bot.ports.Reminders.done`."""
        await self._write(lambda on: on.execute(sa.delete(reminders).where(_is(key))))

    async def postpone(self, key: str, *, due_at: float) -> None:
        """See `bot.ports.Reminders.postpone`."""
        later = {"due_at": due_at, "owner": None, "attempts": reminders.c.attempts + 1}
        await self._write(lambda on: on.execute(sa.update(reminders).where(_is(key)).values(later)))


def _is(key: str) -> sa.ColumnElement[bool]:
    return reminders.c.key == key


def _reminder(row: sa.Row[tuple[object, ...]]) -> Reminder:
    event = Event(name="reminder", timestamp=row.set_at, data=row.data)
    return Reminder(
        key=row.key,
        channel=row.channel,
        sender=row.sender,
        event=event,
        attempts=row.attempts,
    )
