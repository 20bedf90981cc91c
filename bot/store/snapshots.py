"""Snapshots of long conversations over SQL: what `bot.ports.Snapshots` promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from bot.store import dialect
from bot.store.schema import snapshots
from bot.store.sqljournal import Do

KEPT = 2
"""The last but one is used: enough events lie behind it for all that goes back."""


class SqlSnapshots:
    """See `bot.ports.Snapshots`."""

    def __init__(self, *, write: Do, read: Do) -> None:
        """Work through the threads of a store."""
        self._write = write
        self._read = read

    async def load(
        self, channel: str, sender: str, fingerprint: str
    ) -> tuple[int, dict[str, Any]] | None:
        """See `bot.ports.Snapshots.load`."""
        statement = (
            _newest(channel, sender)
            .with_only_columns(snapshots.c.seq, snapshots.c.data)
            .where(snapshots.c.fingerprint == fingerprint)
        )
        found = await self._read(lambda on: on.execute(statement).all())
        return (found[-1].seq, found[-1].data) if len(found) == KEPT else None

    async def save(
        self, channel: str, sender: str, fingerprint: str, *, seq: int, data: Mapping[str, Any]
    ) -> None:
        """See `bot.ports.Snapshots.save`."""
        values = {
            "channel": channel,
            "sender": sender,
            "seq": seq,
            "fingerprint": fingerprint,
            "data": dict(data),
        }

        def job(on: sa.Connection) -> None:
            on.execute(dialect.insert(on, snapshots).on_conflict_do_nothing(), values)
            kept = _newest(channel, sender).with_only_columns(snapshots.c.seq)
            on.execute(
                sa.delete(snapshots)
                .where(snapshots.c.channel == channel, snapshots.c.sender == sender)
                .where(snapshots.c.seq.not_in(kept))
            )

        await self._write(job)


def _newest(channel: str, sender: str) -> sa.Select[Any]:
    return (
        sa.select(snapshots)
        .where(snapshots.c.channel == channel, snapshots.c.sender == sender)
        .order_by(snapshots.c.seq.desc())
        .limit(KEPT)
    )
