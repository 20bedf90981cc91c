"""`frontdesk chat`: a conversation in the terminal, stored as channel "cli"."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import Any

from rich.console import Console
from rich.text import Text

from bot import errors
from bot.assembly import Parts
from bot.cli import progress, reasons_table, session
from bot.config import Settings
from bot.domain import Button, Message, Turn

PROMPT = "> "
WELCOME = """\
Ask away; a number presses a button. 请提问；输入数字即选择按钮。
/why shows the reasons of the last reply, /quit ends. /why 显示理由，/quit 结束。"""


def chat(settings: Settings, sender: str) -> None:
    """Talk until /quit, Ctrl-D or Ctrl-C.

    The loop only runs while the bot works: waiting for a line blocks this thread alone, so that
    Ctrl-C ends the chat at once.

    Raises:
        errors.FrontdeskError: the bot cannot be made ready.
    """
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            with progress.bars() as report:
                ready = session.ready(settings, report)
                parts = runner.run(stack.enter_async_context(ready))
            name = sender or f"terminal-{uuid.uuid4().hex[:8]}"
            _Chat(runner, parts, name).run()
        finally:
            runner.run(stack.aclose())


class _Chat:
    """One conversation: remembers the buttons and reasons of the last reply."""

    def __init__(self, runner: asyncio.Runner, parts: Parts, sender: str) -> None:
        self._runner = runner
        self._parts = parts
        self._sender = sender
        self._console = Console()
        self._buttons: tuple[Button, ...] = ()
        self._reasons: dict[str, Any] | None = None

    def run(self) -> None:
        """Read lines and answer them."""
        self._console.print(WELCOME, style="dim", highlight=False)
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            while (line := self._console.input(PROMPT).strip()) != "/quit":
                self._take(line)
        self._console.print()

    def _take(self, line: str) -> None:
        if line == "/why":
            self._explain()
        elif line:
            try:
                self._show(self._runner.run(self._parts.engine.answer(self._message(line))))
            except (errors.ClientError, errors.DependencyError) as cause:
                self._console.print(Text(f"error: {cause}", "red"))

    def _message(self, line: str) -> Message:
        settings = self._parts.settings
        if line.isdecimal() and 1 <= int(line) <= len(self._buttons):
            pressed = self._buttons[int(line) - 1]
            return session.message(
                pressed.payload, settings, sender=self._sender, title=pressed.title
            )
        return session.message(line, settings, sender=self._sender)

    def _show(self, turn: Turn) -> None:
        self._buttons = reasons_table.buttons(turn.replies)
        self._reasons = turn.reasons
        self._console.print(reasons_table.said(turn.replies))
        self._console.print(
            f"{turn.outcome.value}, {turn.reasons['confidence']:.0%}", style="dim", highlight=False
        )

    def _explain(self) -> None:
        if self._reasons is None:
            self._console.print("Nothing was said yet. 还没有回复。", style="dim")
        else:
            self._console.print(reasons_table.why(self._reasons))
