"""`frontdesk bench gateway`: the numbered reliability tests that measure something."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot import errors
from bot.stress import abuse, fulldisk, kills, passive, powercuts, syncs, timing

KNOWN = ("R1", "R2", "R3", "R4", "R10", "R11", "R12", "R13", "S21")
R2_CONTROL_CUTS = 20  # with durability switched off, to see that the test notices
R4_POSITIONS = 50
R13_MESSAGES = 1000
R10_SHARE = 0.5  # of the throughput that R11 found
R10_OTHERWISE = 200.0  # messages a second, when R11 was not asked for


def run(
    only: Sequence[str], messages: int, killed: int, seconds: float, cuts: int, *, as_json: bool
) -> int:
    """Run the tests named and print what came of them; gives the exit code.

    Raises:
        errors.ConfigError: a test is not one of `KNOWN`.
    """
    if unknown := sorted(set(only) - set(KNOWN)):
        raise errors.ConfigError(
            f"There is no test {unknown[0]!r} here.", hint=f"Known are: {', '.join(KNOWN)}."
        )
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        found = asyncio.run(_run(Path(folder), only, messages, killed, seconds, cuts))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found)
    return 0 if all(figures["is_good"] for figures in found) else 1


async def _run(
    folder: Path,
    only: Sequence[str],
    messages: int,
    killed: int,
    seconds: float,
    cuts: int,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    rate = R10_OTHERWISE
    with timing.undisturbed():
        if "R11" in only:
            most = await timing.throughput(folder / "r11", seconds)
            rate = R10_SHARE * most.per_second
            found.append(most.as_dict())
        if "R10" in only:
            found.append((await timing.acknowledgement(folder / "r10", seconds, rate)).as_dict())
        if "R12" in only:
            found.append((await timing.overload(folder / "r12", seconds)).as_dict())
        if "R13" in only:
            heard = await passive.run(folder / "r13", R13_MESSAGES)
            found.append({"test": "R13 deadline", **heard.as_dict(), "is_good": heard.is_good})
    if "R4" in only:
        failed = await syncs.run(folder / "r4", R4_POSITIONS)
        found.append({"test": "R4 failed sync", **failed.as_dict(), "is_good": failed.is_good})
    if "S21" in only:
        beside = await abuse.run(folder / "s21", seconds)
        found.append({"test": "S21 abuser", **beside.as_dict(), "is_good": beside.is_good})
    if "R3" in only:
        full = await fulldisk.run(folder / "r3")
        found.append({"test": "R3 disk full", **full.as_dict(), "is_good": full.is_good})
    if "R2" in only:
        found += await _cut_power(folder, cuts)
    if "R1" in only:
        outcome = await kills.run(folder / "r1", messages=messages, kills=killed)
        found.append({"test": "R1 kill -9", **outcome.as_dict(), "is_good": outcome.is_good})
    return found


async def _cut_power(folder: Path, cuts: int) -> list[dict[str, Any]]:
    strong = await powercuts.run(folder / "r2", cuts)
    weak = await powercuts.run(folder / "r2-weak", R2_CONTROL_CUTS, synchronous="NORMAL")
    names = {"R2 power cut": strong, "R2 without durability: must lose": weak}
    return [
        {"test": name, **outcome.as_dict(), "is_good": outcome.is_good}
        for name, outcome in names.items()
    ]


def _print(found: Sequence[dict[str, Any]]) -> None:
    for figures in found:
        table = Table("figure 指标", "value 数值", title=str(figures["test"]))
        for name, value in figures.items():
            if name != "test":
                table.add_row(name, str(value))
        Console().print(table)
