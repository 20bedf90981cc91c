"""`frontdesk bench gateway`: the numbered reliability tests that measure something."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from bot import errors
from bot.stress import (
    abuse,
    fulldisk,
    kills,
    passive,
    powercuts,
    replicas,
    soak,
    stops,
    syncs,
    timing,
    troubles,
)

KNOWN = (*(f"R{number}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 20)), "S21")
R2_CONTROL_CUTS = 20  # with durability switched off, to see that the test notices
R4_POSITIONS = 50
R13_MESSAGES = 1000
R10_SHARE = 0.5  # of the throughput that R11 found
R10_OTHERWISE = 200.0  # messages a second, when R11 was not asked for


class Judged(Protocol):
    """What came of a test."""

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""

    def as_dict(self) -> Mapping[str, object]:
        """The figures by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much is to be done."""

    messages: int
    kills: int
    seed: int
    cuts: int
    stops: int
    minutes: float
    database: str
    conversations: int
    seconds: float


def run(only: Sequence[str], asked: Asked, *, as_json: bool) -> int:
    """Run the tests named and print what came of them; gives the exit code.

    Raises:
        errors.ConfigError: a test is not one of `KNOWN`, or lacks what it needs.
    """
    if unknown := sorted(set(only) - set(KNOWN)):
        raise errors.ConfigError(
            f"There is no test {unknown[0]!r} here.", hint=f"Known are: {', '.join(KNOWN)}."
        )
    if "R9" in only and not asked.database:
        raise errors.ConfigError(
            "R9 needs an empty PostgreSQL database.", hint="--database postgresql://..."
        )
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        found = asyncio.run(_run(Path(folder), only, asked, shows=not as_json))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if all(figures["is_good"] for figures in found) else 1


async def _run(
    folder: Path, only: Sequence[str], asked: Asked, *, shows: bool
) -> list[dict[str, Any]]:
    """All figures; each test's are shown as soon as it is done, since some take half an hour."""
    found = []
    async for figures in _measured(folder, only, asked):
        found.append(figures)
        if shows:
            _print(figures)
    return found


async def _measured(
    folder: Path, only: Sequence[str], asked: Asked
) -> AsyncIterator[dict[str, Any]]:
    with timing.undisturbed():
        async for figures in _timed(folder, only, asked):
            yield figures
        if "R6" in only:
            yield _judged("R6 slow upstream", await troubles.slowness(folder / "r6"))
        if "R13" in only:
            yield _judged("R13 WeChat's deadline", await passive.run(folder / "r13", R13_MESSAGES))
    if "R7" in only:
        yield _judged("R7 rate limits", await troubles.budget(folder / "r7"))
    if "R8" in only:
        yield _judged("R8 redelivery storm", await troubles.storm(folder / "r8"))
    if "R9" in only:
        ordered = await replicas.run(folder / "r9", asked.database, asked.conversations)
        yield _judged("R9 order across replicas", ordered)
    if "R14" in only:
        async for figures in _stopped(folder, asked):
            yield figures
    if "R4" in only:
        yield _judged("R4 failed sync", await syncs.run(folder / "r4", R4_POSITIONS))
    if "S21" in only:
        yield _judged("S21 abuser", await abuse.run(folder / "s21", asked.seconds))
    if "R3" in only:
        yield _judged("R3 disk full", await fulldisk.run(folder / "r3"))
    if "R2" in only:
        strong = await powercuts.run(folder / "r2", asked.cuts)
        yield _judged("R2 power cut", strong)
        weak = await powercuts.run(folder / "r2-weak", R2_CONTROL_CUTS, synchronous="NORMAL")
        yield _judged("R2 without durability: must lose", weak)
    if "R20" in only:
        yield _judged("R20 soak", await soak.run(folder / "r20", asked.minutes))
    if "R1" in only:
        outcome = await kills.run(
            folder / "r1", messages=asked.messages, kills=asked.kills, seed=asked.seed
        )
        yield _judged("R1 kill -9", outcome)


async def _timed(folder: Path, only: Sequence[str], asked: Asked) -> AsyncIterator[dict[str, Any]]:
    rate = R10_OTHERWISE
    if "R11" in only:
        most = await timing.throughput(folder / "r11", asked.seconds)
        rate = R10_SHARE * most.per_second
        yield most.as_dict()
    if "R10" in only:
        yield (await timing.acknowledgement(folder / "r10", asked.seconds, rate)).as_dict()
    if "R12" in only:
        yield (await timing.overload(folder / "r12", asked.seconds)).as_dict()


async def _stopped(folder: Path, asked: Asked) -> AsyncIterator[dict[str, Any]]:
    alone = await stops.run(folder / "r14", asked.stops)
    yield _judged("R14 graceful stop", alone)
    held = await stops.run(folder / "r14-held", asked.stops, holds=True)
    yield _judged("R14 with a socket that stays open", held)
    if asked.database:
        rolled = await stops.roll(folder / "r14-two", asked.database, asked.stops)
        yield _judged("R14 rolling restart of two", rolled)


def _judged(test: str, outcome: Judged) -> dict[str, Any]:
    return {"test": test, **outcome.as_dict(), "is_good": outcome.is_good}


def _print(figures: Mapping[str, Any]) -> None:
    table = Table("figure 指标", "value 数值", title=str(figures["test"]))
    for name, value in figures.items():
        if name != "test":
            table.add_row(name, str(value))
    Console().print(table)
