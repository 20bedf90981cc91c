"""`frontdesk train`: run a training here, show how far it is and what came of it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bot import assembly
from bot.cli import progress, termination
from bot.config import Settings
from bot.training import job, waiting
from bot.training.registry import Registered, Registry
from classifier.methods import Method

MEASURES = (
    ("accuracy", "accuracy 准确率", "{:.1%}"),
    ("macro_f1", "macro F1", "{:.3f}"),
    ("calibration_error", "calibration error 校准误差", "{:.3f}"),
)


def train(settings: Settings, method: str, *, as_json: bool) -> None:
    """Train by `method` and report.

    Raises:
        errors.FrontdeskError: it failed; nothing was promoted.
    """
    waiting.be_patient()
    assembly.prepare_data_folder(settings.data)
    termination.unwinds()
    with progress.lines() if as_json else progress.bars() as report:
        trained = job.run(settings, Method(method), on_progress=report)
    if not as_json:
        _show(trained, Registry(settings.data).current())


def _show(trained: Registered, used: Registered | None) -> None:
    manifest = trained.manifest
    table = Table(title=f"{manifest.model_id} ({manifest.encoder})", title_justify="left")
    table.add_column("on held-out examples 留出集", no_wrap=True)
    table.add_column("", justify="right")
    table.add_row("examples 例句数", f"{manifest.metrics['examples']:.0f}")
    for name, title, form in MEASURES:
        table.add_row(title, form.format(manifest.metrics[name]))
    console = Console()
    console.print(table)
    if used is None or used.folder == trained.folder:
        console.print("Promoted: it serves from now on. 已启用。")
        return
    console.print(
        f"Not promoted: {used.manifest.model_id} is more accurate ({used.accuracy:.1%}) on the "
        "same examples and stays in use. 未启用，原模型更准确。"
    )
