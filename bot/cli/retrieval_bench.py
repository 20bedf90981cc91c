"""`frontdesk bench retrieval`: codes, size, edits under load, kills."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot import edit_bench, errors, retrieval_bench, retrieval_quality, searching
from bot.cli import progress, termination
from bot.config import Settings
from bot.training import waiting


class Part(StrEnum):
    """What can be measured by itself."""

    QUALITY = "quality"
    CODES = "codes"
    DENSE = "dense"
    HYBRID = "hybrid"
    EDITS = "edits"
    KILLS = "kills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be measured."""

    data: Path
    """Folder of the data sets."""
    only: Sequence[Part]
    """Empty: everything."""
    collection: str
    """Letters of the names of the public collections that are ranked; empty: all."""
    train: bool
    """Whether they are also ranked with encoders that were trained on other data."""
    sizes: Sequence[int]
    edits: int
    edit_size: int
    """Entries among which is edited."""
    kills: int


def parts(names: str) -> list[Part]:
    """The parts named, separated by commas.

    Raises:
        errors.ConfigError: there is no such part.
    """
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if name not in set(Part):
            raise errors.ConfigError(
                f"There is no part {name!r} here.", hint=f"Known are: {', '.join(Part)}."
            )
    return [Part(name) for name in found]


def sizes(numbers: str) -> list[int]:
    """The numbers of entries, separated by commas.

    Raises:
        errors.ConfigError: one is no number from 1 on.
    """
    found = [number.strip() for number in numbers.split(",") if number.strip()]
    for number in found:
        if not number.isdecimal() or int(number) < 1:
            raise errors.ConfigError(
                f"--sizes: {number!r} is no number of entries.", hint="Write 1000,100000."
            )
    return [int(number) for number in found]


def run(settings: Settings, wanted: Wanted, *, as_json: bool) -> None:
    """Measure and print, row by row as it comes."""
    parts = wanted.only or list(Part)
    termination.unwinds()
    if wanted.train:
        waiting.be_patient()
    settings.data.mkdir(parents=True, exist_ok=True)  # on a fresh machine there is none yet
    with progress.bars() as report, tempfile.TemporaryDirectory(dir=settings.data) as folder:
        if Part.QUALITY in parts:
            ranked = retrieval_quality.rows(
                settings, wanted.data, wanted.collection, report, train=wanted.train
            )
            for name, figures in ranked:
                _print(name, figures, as_json=as_json)
        for name, figures in _measured(settings, wanted, Path(folder), report):
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
    settings: Settings, wanted: Wanted, folder: Path, report: progress.Report
) -> Iterator[tuple[str, retrieval_bench.Figures]]:
    parts = wanted.only or list(Part)
    if Part.KILLS in parts:
        yield "kills", edit_bench.kills(folder, wanted.kills)
    if set(parts) <= {Part.QUALITY, Part.KILLS}:
        return
    pairs = retrieval_bench.real_pairs(wanted.data)
    _, encoder = searching.load_encoder(settings, "multilingual-e5", report)
    if Part.CODES in parts:
        yield "codes", retrieval_bench.codes(encoder, folder)
    if set(parts) <= {Part.QUALITY, Part.KILLS, Part.CODES}:
        return
    some = pairs[: retrieval_bench.REAL]
    real = encoder.encode(
        [question for question, _ in some],
        on_progress=lambda done, whole: report(f"embedding {whole} texts", done / whole),
    )
    if Part.DENSE in parts:
        for size in wanted.sizes:
            yield "dense search", retrieval_bench.dense(real, size)
    if Part.HYBRID in parts:
        for size in wanted.sizes:
            yield "hybrid search", retrieval_bench.hybrid(some, real, size, folder)
    if Part.EDITS in parts:
        size = wanted.edit_size
        yield "edits", edit_bench.edits(some, real, folder, size=size, count=wanted.edits)
