"""`frontdesk bench classifier`: the public data sets, our figures beside the published ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.cli import progress, termination
from bot.training import waiting
from classifier import benchmark, errors
from classifier.benchmark import Result, Task, Way
from classifier.methods import Method


def run(
    data: Path,
    method: str,
    teacher: str,
    *,
    unlabelled: bool,
    only: str,
    encoder: str,
    encoders: Path,
    seeds: int,
    as_json: bool,
) -> None:
    """Train and measure every task whose name is `only`, or else contains it.

    Args:
        data: the folder of the data sets.
        method: a method, or `best` for the one that each task names.
        teacher: with a method named, who teaches.
        unlabelled: with a method named, whether the teacher labels more texts.
        only: words in the names of the tasks.
        encoder: as `workshop.Order.encoder`.
        encoders: where converted encoders are kept.
        seeds: runs to average, 1 to 3.
        as_json: a line of JSON for each task instead of a table.

    Raises:
        errors.ClassifierError: data are missing, or a training failed.
    """
    waiting.be_patient()
    termination.unwinds()
    tasks = benchmark.tasks(data)
    chosen = [task for task in tasks if task.name.casefold() == only.casefold()]
    chosen = chosen or [task for task in tasks if only.casefold() in task.name.casefold()]
    if not chosen:
        raise errors.DatasetError(f"no task is called {only!r}.", hint="Leave --only out.")

    def way(task: Task) -> Way:
        if method == "best":
            return task.best
        return Way(method=Method(method), teacher=teacher, unlabelled=unlabelled)

    results = []
    with progress.bars() as report:
        for number, task in enumerate(chosen, start=1):
            title = f"{number}/{len(chosen)} {task.name}: "

            def tell(step: str, share: float, title: str = title) -> None:
                report(title + step, share)

            result = benchmark.run(
                task,
                way(task),
                encoder=encoder,
                encoders=encoders,
                seeds=seeds,
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
            _name(r),
            f"{met}{r.accuracy:.2%}" + (f" ± {r.spread:.2%}" if r.seeds > 1 else ""),
            f"{r.goal:.1%}",
            f"{r.floor:.1%}",
            f"{r.ece:.3f}",
            "" if r.auroc is None else f"{r.auroc:.3f}",
            "" if r.recall_at_5 is None else f"{r.recall_at_5:.1%}",
            f"{r.seconds:.0f}",
            r.published,
        )
    return table


def _name(r: Result) -> str:
    taught = f", taught by {r.teacher}" if r.teacher else ""
    taught += f" on {r.unlabelled} more texts without label" if r.unlabelled else ""
    taught += f", the mean of {r.soup}" if r.soup > 1 else ""
    trained = f", {r.trained} of the weights" if r.trained else ""
    return f"{r.task}\n{r.method}, {r.encoder}{taught}{trained}, {r.megabytes:g} MB"
