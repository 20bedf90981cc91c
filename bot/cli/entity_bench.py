"""`frontdesk bench entities`: how well the marked examples teach, by cross-validation."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from classifier.entities import evaluate, reading


def run(project: Path, *, as_json: bool) -> None:
    """Measure the trained extractor on the examples of `project`, which it was not taught.

    Raises:
        errors.DatasetError: an example cannot be read, or none is marked.
    """
    paths = sorted(p for folder in ("data", "nlu") for p in (project / folder).rglob("*.yml"))
    data = reading.read(paths, root=project)
    started = time.monotonic()
    found = evaluate.cross_validate(data)
    seconds = time.monotonic() - started
    rows = {
        entity: {"right": c.right, "wrong": c.wrong, "missed": c.missed, "f1": round(c.f1, 4)}
        for entity, c in found.items()
    }
    if as_json:
        sys.stdout.write(json.dumps({"entities": rows, "seconds": round(seconds, 1)}) + "\n")
        return
    table = Table(
        "entity 实体", "right 正确", "wrong 错误", "missed 遗漏", "precision 精确率",
        "recall 召回率", "F1",
        title=f"{len(data.examples)} texts, 5 folds 折, {seconds:.1f} s",
    )  # fmt: skip
    for entity, c in found.items():
        counts = (str(c.right), str(c.wrong), str(c.missed))
        table.add_row(entity, *counts, f"{c.precision:.1%}", f"{c.recall:.1%}", f"{c.f1:.1%}")
    Console().print(table)
