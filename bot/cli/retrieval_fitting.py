"""`frontdesk retrieval fit`: what the evidence should count, and whether that is better."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot import searching
from bot.cli import progress, session
from bot.config import Settings
from bot.evaluation import fitting
from bot.evaluation.fitting import Fit, Search
from retrieval.candidate import PastAnswer
from retrieval.encoders import catalogue, tuned


def run(settings: Settings, *, write: bool, as_json: bool) -> None:
    """Fit, print, and write if that was asked for and the weights are better.

    Raises:
        errors.FrontdeskError: there are no questions, or the bot cannot be made ready.
    """
    found = asyncio.run(_fitted(settings))
    written = write and found.is_better
    if written:
        fitting.write(settings, found)
    if as_json:
        sys.stdout.write(json.dumps({**asdict(found), "written": written}) + "\n")
        return
    _show(found)
    if write:
        sys.stdout.write(
            "Written: they serve after a restart. 已写入，重启后生效。\n"
            if written
            else "Not written: they are no better on questions not fitted on. 未写入：没有改进。\n"
        )


async def _fitted(settings: Settings) -> Fit:
    with progress.bars() as report, tempfile.TemporaryDirectory() as folder:
        async with session.ready(settings, report) as parts:
            brain = parts.box.brain
            choice = catalogue.resolve(
                settings.models.encoder, all_english=brain.knowledge.all_english
            )

            def sparse(answers: Sequence[PastAnswer]) -> Search:
                made, _ = searching.beside(
                    settings, answers, choice, Path(folder) / "fit", on_progress=report
                )
                return made.search

            return await asyncio.to_thread(fitting.run, settings, brain, sparse, on_progress=report)


def _show(found: Fit) -> None:
    table = Table(title=tuned.original_name(found.encoder), title_justify="left")
    for name in ("", "all phrasings 全部问法", "one phrasing 单一问法"):
        table.add_column(name, justify="left" if not name else "right")
    both = (found.many, found.one)
    table.add_row("questions 问题", *(str(c.questions) for c in both))
    table.add_row("first before 原首位率", *(f"{c.before:.1%}" for c in both))
    table.add_row("first, five-fold 五折首位率", *(f"{c.cross_validated:.1%}" for c in both))
    table.add_section()
    for name in found.many.fitted:
        table.add_row(name, *(f"{c.fitted[name]:.2f}" for c in both))
    Console().print(table)
