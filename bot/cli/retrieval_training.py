"""`frontdesk retrieval train`: fine-tune what searches, show how far it is and what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bot import assembly
from bot.cli import progress, termination
from bot.config import Settings
from bot.training import encoders, rerankers, waiting
from bot.training.encoders import Order, Outcome
from retrieval.training.cross import CrossRecipe


def train(settings: Settings, order: Order, *, as_json: bool) -> None:
    """Train and report.

    Raises:
        errors.FrontdeskError: it failed; nothing was promoted.
    """
    waiting.be_patient()
    assembly.prepare_data_folder(settings.data)
    termination.unwinds()
    with progress.bars() as report:
        outcomes = encoders.run(settings, order, on_progress=report)
    if as_json:
        sys.stdout.write(json.dumps([asdict(outcome) for outcome in outcomes]) + "\n")
        return
    _show(outcomes)


def train_reranker(settings: Settings, order: Order, max_steps: int, *, as_json: bool) -> None:
    """Train a reranker and report; `max_steps` 0 takes the default.

    Raises:
        errors.FrontdeskError: it failed; nothing was promoted.
    """
    waiting.be_patient()
    assembly.prepare_data_folder(settings.data)
    termination.unwinds()
    recipe = CrossRecipe(max_steps=max_steps) if max_steps else CrossRecipe()
    with progress.bars() as report:
        outcome = rerankers.run(settings, order, recipe, on_progress=report)
    if as_json:
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        return
    found = outcome.measured
    sys.stdout.write(
        f"{found.questions} held-out questions 留出问题: "
        f"first 首位 {found.first_before:.1%} → {found.first:.1%}, "
        f"MRR {found.mrr_before:.3f} → {found.mrr:.3f}, {outcome.milliseconds:g} ms\n"
    )
    sys.stdout.write(
        "Kept: it serves with models.rerank = true, after a restart. "
        "已保存；设置 models.rerank = true 并重启后启用。\n"
        if outcome.promoted
        else "Not kept: it is no better than none. 未保存：没有改进。\n"
    )


def _show(outcomes: Sequence[Outcome]) -> None:
    console = Console()
    for outcome in outcomes:
        table = Table(title=outcome.encoder, title_justify="left")
        for name in ("held-out questions 留出问题", "count 数量", "first 首位", "MRR@10"):
            table.add_column(name, justify="left" if name.startswith("held") else "right")
        for name, before in outcome.before.items():
            after = outcome.after[name]
            table.add_row(
                name,
                str(before.questions),
                f"{before.first:.1%} → {after.first:.1%}",
                f"{before.mrr:.3f} → {after.mrr:.3f}",
            )
        console.print(table)
        console.print(
            f"{outcome.steps} steps 步, {outcome.seconds:.0f} s, weights at 权重位置 "
            f"{outcome.point:g}"
        )
        console.print(
            "Promoted: a running server takes it over by itself. 已启用，运行中的服务会自动采用。"
            if outcome.promoted
            else "Not promoted; what served so far goes on serving. 未启用，沿用原模型。"
        )
