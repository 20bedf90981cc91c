"""`frontdesk bench retrieval`: codes, size, edits under load."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot import retrieval_bench, retrieval_quality, searching
from bot.cli import progress
from bot.config import Settings

HYBRID_LIMIT = 200_000  # entries; more would spend hours on making texts up


def quality(settings: Settings, data: Path, only: str, *, train: bool, as_json: bool) -> None:
    """Rank the public collections and print each row as it comes."""
    with progress.bars() as report:
        for name, figures in retrieval_quality.rows(settings, data, only, report, train=train):
            _print(name, figures, as_json=as_json)


def run(settings: Settings, data: Path, sizes: Sequence[int], edits: int, *, as_json: bool) -> None:
    """Measure and print, row by row as it comes."""
    with progress.bars() as report, tempfile.TemporaryDirectory() as folder:
        for name, figures in _measured(settings, data, sizes, edits, Path(folder), report):
            _print(name, figures, as_json=as_json)


def _print(name: str, figures: Mapping[str, float | int], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"what": name, **figures}) + "\n")
        sys.stdout.flush()
        return
    table = Table("figure", "value", title=name)
    for key, value in figures.items():
        table.add_row(key, f"{value:g}")
    Console().print(table)


def _measured(
    settings: Settings, data: Path, sizes: Sequence[int], edits: int, folder: Path,
    report: progress.Report,
) -> Iterator[tuple[str, retrieval_bench.Figures]]:  # fmt: skip
    questions = retrieval_bench.real_questions(data)
    _, encoder = searching.load_encoder(settings, "multilingual-e5", report)
    yield "codes", retrieval_bench.codes(encoder, folder)
    some = questions[: retrieval_bench.REAL]
    real = encoder.encode(
        some, on_progress=lambda done, whole: report(f"embedding {whole} texts", done / whole)
    )
    for size in sizes:
        yield "dense search", retrieval_bench.dense(real, size)
    within = [size for size in sizes if size <= HYBRID_LIMIT]
    for size in within:
        yield "hybrid search", retrieval_bench.hybrid(some, real, size, folder)
    if within and edits:
        yield (
            "edits",
            retrieval_bench.edits(some, real, folder, size=max(within), count=edits),
        )
