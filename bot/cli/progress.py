"""How far a long task is: bars for people on stderr, lines of JSON for programs on stdout."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator

from rich import progress
from rich.console import Console

PATIENCE_S = 5.0  # what takes less is not worth a word in a log
Report = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


@contextlib.contextmanager
def bars() -> Iterator[Report]:
    """A bar for each step, with the time that is left; gone when all is done.

    Where nobody watches (a pipe, a log file), a line is written when a long step begins.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Notes(console).report
        return
    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as shown:
        yield _Steps(shown).report


class _Notes:
    """Names a step once, unless it is done at once: a short command then has nothing to say."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._noted = ""

    def report(self, step: str, share: float) -> None:
        name = step.partition(",")[0]  # what follows a comma changes while the step goes on
        if time.monotonic() - self._began > PATIENCE_S and name != self._noted and share < 1:
            self._noted = name
            self._console.print(f"{name} ...", markup=False, highlight=False)


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
