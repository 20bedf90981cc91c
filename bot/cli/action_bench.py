"""`frontdesk bench actions`: what visitors and others notice while an action misbehaves."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.stress import illactions

COLUMNS = ("action", "s", "-", "others (ms)", "their actions (ms)", "failed", "")
LEGEND = (
    "s: the slowest reply 最慢回复; -: visitors without a reply 未得到回复",
    "others: p50 / p99 of conversations without actions 其他无动作的对话",
    "their actions: p50 / p99 where other actions run; how many of those failed 其他动作及失败数",
)


def run(deadline_s: float, *, as_json: bool) -> int:
    """Measure and print; gives the exit code: 1 if something is not as promised."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        found = asyncio.run(illactions.measure(Path(folder), deadline_s=deadline_s))
    if as_json:
        sys.stdout.write(json.dumps([one.as_dict() for one in found]) + "\n")
    else:
        _print(found, deadline_s)
    return 0 if all(one.is_good for one in found) else 1


def _print(found: list[illactions.Trouble], deadline_s: float) -> None:
    table = Table(*COLUMNS, title=f"deadline 期限 {deadline_s:g} s + {illactions.GRACE_S:g} s")
    for one in found:
        table.add_row(
            f"{one.where}: {one.action.removeprefix('action_')}",
            f"{one.slowest_reply_s:g}",
            str(one.unanswered),
            f"{one.words_p50_ms:g} / {one.words_p99_ms:g}",
            f"{one.actions_p50_ms:g} / {one.actions_p99_ms:g}",
            f"{one.actions_failed} / {one.actions_asked}",
            "good" if one.is_good else "BAD",
        )
    console = Console()
    console.print(table)
    for line in LEGEND:
        console.print(line)
    for where in ("server", "beside"):
        one = next(one for one in found if one.where == where)
        alone = f"{one.words_alone_p50_ms:g} / {one.words_alone_p99_ms:g} ms"
        console.print(f"{where}: others while all is well 一切正常时: {alone}")
