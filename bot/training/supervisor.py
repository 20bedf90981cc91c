"""Trains in child processes while the server goes on serving, and tells how far they are."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from bot import errors
from bot.config import Settings
from classifier.methods import Method

NICENESS = 10  # visitors first
KEPT_LINES = 20  # of the child's complaints, for the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a training does now."""

    method: str
    step: str
    share: float
    """Of this step, 0 to 1."""

    def __str__(self) -> str:
        return f"{self.step} ({self.share:.0%})"


async def train_in_child(
    settings: Settings,
    method: Method,
    *,
    polite: bool,
    on_step: Callable[[Step], None],
) -> None:
    """Run `frontdesk train --method ...` and report its steps; cancelling ends the child.

    Args:
        settings: of the server.
        method: how to train.
        polite: give way to the server, because it answers visitors meanwhile.
        on_step: told about every step.

    Raises:
        errors.ModelError: the training failed; says its last words.
    """
    child = await asyncio.create_subprocess_exec(
        *_command(settings, method),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_be_nice if polite else None,  # before any thread of ours exists in the child
    )
    try:
        complaints, _ = await asyncio.gather(_last_lines(child), _report(child, method, on_step))
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    if code != 0:
        words = complaints[-1].removeprefix("error: ") if complaints else f"exit status {code}"
        raise errors.ModelError(
            f"Training the classifier ({method.value}) failed: {words}",
            hint=f"Run `frontdesk train --method {method.value}` to see more.",
        )


def _command(settings: Settings, method: Method) -> list[str]:
    chosen = {"--project": settings.project, "--data": settings.data}
    paths = [word for name, path in chosen.items() for word in (name, str(Path(path).absolute()))]
    chosen_encoder = ["--encoder", settings.models.encoder]
    train = [sys.executable, "-m", "bot", "train", "--method", method.value, "--json"]
    return [*train, *paths, *chosen_encoder]


def _be_nice() -> None:
    os.nice(NICENESS)


async def _report(
    child: asyncio.subprocess.Process, method: Method, on_step: Callable[[Step], None]
) -> None:
    assert child.stdout is not None  # noqa: S101 - asked for as a pipe above
    async for line in child.stdout:
        try:
            said = orjson.loads(line)
            on_step(Step(method=method.value, step=said["step"], share=float(said["share"])))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            continue  # a library printed something of its own


async def _last_lines(child: asyncio.subprocess.Process) -> list[str]:
    assert child.stderr is not None  # noqa: S101 - asked for as a pipe above
    kept: list[str] = []
    async for line in child.stderr:
        words = line.decode(errors="replace").strip()
        if words:
            kept = [*kept[1 - KEPT_LINES :], words]
    return kept
