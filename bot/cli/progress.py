"""How far a long task is: bars for people on stderr, lines of JSON for programs on stdout."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator

from rich import progress
from rich.console import Console

Report = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


@contextlib.contextmanager
def bars() -> Iterator[Report]:
    """A bar for each step, with the time that is left; gone when all is done."""
    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True) as shown:
        yield _Steps(shown).report


class _Steps:
    """Starts a new bar when the share falls: the next piece of work began."""

    def __init__(self, shown: progress.Progress) -> None:
        self._shown = shown
        self._task: progress.TaskID | None = None
        self._share = 0.0

    def report(self, step: str, share: float) -> None:
        if self._task is None or share < self._share:
            if self._task is not None:
                self._shown.update(self._task, completed=1.0)
            self._task = self._shown.add_task(step, total=1.0)
        self._share = share
        self._shown.update(self._task, description=step, completed=share)


@contextlib.contextmanager
def lines() -> Iterator[Report]:
    """One JSON object a line on stdout, and nothing else: what libraries print goes to stderr."""
    out = sys.stdout

    def report(step: str, share: float) -> None:
        try:
            out.write(json.dumps({"step": step, "share": round(share, 4)}) + "\n")
            out.flush()
        except BrokenPipeError:  # who started us has died; do not train on for nobody
            sys.stdout = None
            raise SystemExit(1) from None

    with contextlib.redirect_stdout(sys.stderr):
        yield report
