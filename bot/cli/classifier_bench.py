"""`frontdesk bench classifier`: the public data sets, our figures beside the published ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.cli import progress
from classifier import benchmark, errors
from classifier.benchmark import Result
from classifier.train import Method


def run(
    data: Path, method: str, only: str, encoder: str, encoders: Path, seed: int, *, as_json: bool
) -> None:
    """Train and measure every task whose name contains `only`.

    Raises:
        errors.ClassifierError: data are missing, or a training failed.
    """
    chosen = [task for task in benchmark.tasks(data) if only.casefold() in task.name.casefold()]
    if not chosen:
        raise errors.DatasetError(f"no task is called {only!r}.", hint="Leave --only out.")
    results = []
    with progress.bars() as report:
        for number, task in enumerate(chosen, start=1):
            title = f"{number}/{len(chosen)} {task.name}: "

            def tell(step: str, share: float, title: str = title) -> None:
                report(title + step, share)

            result = benchmark.run(
                task,
                method=Method(method),
                encoder=encoder,
                encoders=encoders,
                seed=seed,
                on_progress=tell,
            )
            results.append(result)
            if as_json:
                sys.stdout.write(json.dumps(result.as_dict(), ensure_ascii=False) + "\n")
                sys.stdout.flush()
    if not as_json:
        Console().print(_table(results))


def _table(results: list[Result]) -> Table:
    table = Table("task 任务", "accuracy 准确率", "goal 目标", "floor 下限", "ECE", "AUROC")
    for name in ("caught at 5 % 检出率", "s", "published 已发表"):
        table.add_column(name)
    for r in results:
        met = "[green]" if r.accuracy >= r.goal else "[bold red]"
        table.add_row(
            f"{r.task}\n{r.method}, {r.encoder}",
            f"{met}{r.accuracy:.2%}",
            f"{r.goal:.1%}",
            f"{r.floor:.1%}",
            f"{r.ece:.3f}",
            "" if r.auroc is None else f"{r.auroc:.3f}",
            "" if r.recall_at_5 is None else f"{r.recall_at_5:.1%}",
            f"{r.seconds:.0f}",
            r.published,
        )
    return table
