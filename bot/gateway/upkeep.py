"""What has to be done now and then: show to be alive, take over from the dead, forget the old."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from bot import errors
from bot.gateway.intake import Intake
from bot.gateway.sending import Sender
from bot.ports import Journal

EVERY_S = 0.5
ALIVE_S = 4.0  # after so long without a word a process counts as dead
FOR_EVER_S = 100 * 365 * 86_400.0
REMEMBER_S = 8 * 86_400.0  # the longest that a vendor repeats a message is a week
PURGE_EVERY_S = 600.0
PURGE_ROWS = 1000
LOOK_AGAIN_S = 20.0
CLAIM_ROWS = 200
NAME_FILE = "worker"
_log = structlog.get_logger()


def sign(data: Path, owner: str) -> str | None:
    """Write `owner` down in a data folder, which one process at a time uses; gives the one before.

    So a server that is started again goes on at once with what its predecessor had taken, and not
    when that counts as dead. A folder that cannot be written to costs no more than these seconds.
    """
    before = None
    with contextlib.suppress(OSError, UnicodeDecodeError):
        file = data / NAME_FILE
        before = file.read_text(encoding="ascii") if file.exists() else None
        file.write_text(owner, encoding="ascii")
    return before


class Upkeep:
    """Keeps this process signed in and feeds intake and sender with what nobody works on."""

    def __init__(
        self,
        journal: Journal,
        intake: Intake,
        sender: Sender,
        *,
        owner: str,
        dead: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing runs before `begin`; `dead` is a process that is known to live no more."""
        self._journal = journal
        self._intake = intake
        self._sender = sender
        self._owner = owner
        self._dead = dead
        self._now = now
        self._purged_at = 0.0
        self._looked_at = now()

    async def begin(self) -> None:
        """Sign in. Of others in a database of our own none lives; in a shared one time will tell.

        Raises:
            errors.StoreError: the database refuses.
        """
        if not self._journal.is_shared:
            await self._journal.take_over()
        elif self._dead:
            await self._journal.leave(self._dead)
        await self._beat()
        await self._claim()

    async def run(self) -> None:
        """Go on for ever; a store that fails is asked again."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                if self._journal.is_shared:
                    await self._beat()
                await self._claim()
                await self._look_again()
                await self._purge()
            except errors.DependencyError as cause:
                _log.warning(str(cause), action="upkeep_failed")

    async def _beat(self) -> None:
        for_s = ALIVE_S if self._journal.is_shared else FOR_EVER_S
        await self._journal.beat(self._owner, until=self._now() + for_s)

    async def _claim(self) -> None:
        """Take what is free, as much as there is room for."""
        limit = min(CLAIM_ROWS, self._intake.room)
        if not limit:
            return
        entries, parcels = await self._journal.claim(self._owner, now=self._now(), limit=limit)
        if entries or parcels:
            _log.info(
                "took over what was left to do",
                action="journal_claimed",
                messages=len(entries),
                pieces=len(parcels),
            )
        self._intake.adopt(entries)
        for parcel in parcels:
            self._sender.put(parcel)

    async def _look_again(self) -> None:
        """Find what is ours and in nobody's hands: a write whose end we did not get to see."""
        if self._now() - self._looked_at < LOOK_AGAIN_S:
            return
        self._looked_at = self._now()
        entries, parcels = await self._journal.held(
            self._owner, but=lambda name: self._intake.has(name) or self._sender.has(name)
        )
        self._intake.adopt(entries)
        for parcel in parcels:
            self._sender.put(parcel)

    async def _purge(self) -> None:
        if self._now() - self._purged_at < PURGE_EVERY_S:
            return
        before = self._now() - REMEMBER_S
        if await self._journal.purge(before=before, limit=PURGE_ROWS) < PURGE_ROWS:
            self._purged_at = self._now()
