"""Public data sets, their published figures, and ours beside them.

The data are not part of the project: `--data` names the folder where they lie. Nothing is tuned
here; a test part is looked at to report.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifier import errors, evaluate, exporting, reading, workshop
from classifier.dataset import LabelledText
from classifier.finetune import Progress
from classifier.methods import Method, Recipe, recipe_for
from classifier.train import Trained

CLINC = "clinc150/data_full.json"
MPNET = "mpnet-en"
SEEDS = (13, 14, 15)
WORTH_REPEATING_S = 900.0  # what takes longer is trained once
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to train for a task."""

    method: Method
    teacher: str = ""
    unlabelled: bool = False
    """Whether the teacher labels the task's texts without label."""
    epochs: int | None = None
    """Instead of those of the method's recipe."""
    soup: int = 1
    """Networks whose mean serves."""
    refit: bool | None = None
    """As `workshop.Order.refit`: True learns the validation part too, once it has measured."""


BY_CHATS = Way(method=Method.FULL, teacher=MPNET, unlabelled=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One row of the table."""

    name: str
    train: tuple[LabelledText, ...]
    test: tuple[LabelledText, ...]
    valid: tuple[LabelledText, ...] = ()
    """The data set's own validation part, for networks to be calibrated on; may be none."""
    oos: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    """Texts of the full train part, their labels dropped, as CPFT takes them (section 3.1)."""
    goal: float
    """Accuracy to reach, 0 to 1."""
    floor: float
    """Accuracy of TF-IDF with a linear support vector machine on the same split."""
    published: str
    """The best published figures, with their source."""
    best: Way = field(default_factory=lambda: Way(method=Method.HEAD))
    """The way that validation data favour (docs/benchmarks.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured for one task: means over the seeds."""

    task: str
    method: str
    encoder: str
    teacher: str
    unlabelled: int
    """Texts without label that the teacher labelled; not those of the train part."""
    soup: int
    """Networks of whose weights the mean serves."""
    seeds: int
    accuracy: float
    spread: float
    """Standard deviation of the accuracy over the seeds; 0 for one."""
    macro_f1: float
    ece: float
    auroc: float | None
    """Out of scope against in scope; None without such texts."""
    recall_at_5: float | None
    seconds: float
    """Of one training, cross-validation and report included."""
    trained: str
    """The share of the encoder's weights that learned; empty for a head."""
    megabytes: float
    """What the model folder needs to serve: its size without the float weights."""
    goal: float
    floor: float
    published: str

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def tasks(data: Path) -> tuple[Task, ...]:
    """The tasks whose files lie in `data`.

    Raises:
        errors.DatasetError: a file is missing or cannot be read.
    """
    banking = reading.read(data / "banking77/test.csv")
    clinc = _clinc(data / CLINC)
    full = reading.read(data / "banking77/train.csv")
    smp = reading.read(data / "smp2019_zh/train.csv")
    strange = tuple(example.text for example in clinc["oos_test"])
    whole = Task(
        name="CLINC150",
        train=clinc["train"],
        valid=clinc["val"],
        test=clinc["test"],
        oos=strange,
        goal=0.970,
        floor=0.9293,
        published="97.34 ConvFiT; AUROC .942 BERT, .969 SNGP",
        best=Way(method=Method.FULL, teacher=MPNET, epochs=4, soup=3),
    )
    few = "CPFT arXiv:2109.06349, ICDA arXiv:2302.05096"
    return (
        Task(
            name="BANKING77",
            train=full,
            test=banking,
            goal=0.940,
            floor=0.9149,
            published="93.66 BERT tuned (Casanueva 2020), 94.16 ConvFiT",
            best=Way(method=Method.FULL, teacher=MPNET),
        ),
        Task(
            name="BANKING77, 10 per intent",
            train=_as_in(reading.read(data / "banking77/train_10.csv"), banking),
            test=banking,
            unlabelled=tuple(example.text for example in full),
            best=BY_CHATS,
            goal=0.880,
            floor=0.7477,
            published=f"87.20, 89.79 ({few})",
        ),
        Task(
            name="BANKING77, 5 per intent",
            train=_as_in(reading.read(data / "banking77/train_5.csv"), banking),
            test=banking,
            unlabelled=tuple(example.text for example in full),
            best=BY_CHATS,
            goal=0.830,
            floor=0.6295,
            published=f"80.86, 84.01 ({few})",
        ),
        whole,
        replace(
            whole,
            name="CLINC150, validation part learned too",
            best=Way(method=Method.FULL, epochs=4, soup=3, refit=True),
        ),
        Task(
            name="CLINC150, 10 per intent",
            train=reading.read(data / "clinc150/train_10.csv"),
            test=clinc["test"],
            oos=strange,
            unlabelled=tuple(example.text for example in clinc["train"]),
            best=BY_CHATS,
            goal=0.930,
            floor=0.8133,
            published=f"94.18, 94.84 ({few})",
        ),
        Task(
            name="CLINC150, 5 per intent",
            train=reading.read(data / "clinc150/train_5.csv"),
            test=clinc["test"],
            oos=strange,
            unlabelled=tuple(example.text for example in clinc["train"]),
            best=BY_CHATS,
            goal=0.905,
            floor=0.7271,
            published=f"92.34, 92.62 ({few})",
        ),
        Task(
            name="SMP2019 zh",
            train=smp,
            valid=_known(reading.read(data / "smp2019_zh/valid.csv"), smp),
            test=reading.read(data / "smp2019_zh/test.csv"),
            goal=0.940,
            floor=0.8992,
            published="none on this split",
            best=Way(method=Method.FULL),
        ),
    )


def run(
    task: Task, way: Way, *, encoder: str, encoders: Path, seeds: int, on_progress: Progress
) -> Result:
    """Train on the task's train part in folders that are deleted afterwards, and measure.

    A training that takes longer than a quarter of an hour is done with one seed only.

    Args:
        task: what to learn and to test.
        way: how.
        encoder: as `workshop.Order.encoder`.
        encoders: where converted encoders are kept.
        seeds: 1 to 3, of which the means are given.
        on_progress: told the step and the share done.

    Raises:
        errors.ClassifierError: the training failed.
    """
    found: list[Result] = []
    for seed in SEEDS[:seeds]:
        if not found or found[0].seconds < WORTH_REPEATING_S:
            found.append(_once(task, way, encoder, encoders, seed, on_progress))
    return _mean(found)


def _once(
    task: Task, way: Way, encoder: str, encoders: Path, seed: int, on_progress: Progress
) -> Result:
    place = Path(tempfile.mkdtemp(prefix="frontdesk-bench-"))
    try:
        order = workshop.Order(
            method=way.method,
            out=place / "model",
            encoder=encoder,
            encoders=encoders,
            teacher=way.teacher,
            unlabelled=task.unlabelled if way.unlabelled else (),
            refit=way.refit,
            recipe=_recipe(way, seed),
        )
        started = time.monotonic()
        valid = task.valid if way.method.tunes else ()
        trained = workshop.make(order, task.train, valid, on_progress=on_progress)
        seconds = time.monotonic() - started
        return _measured(task, way, trained, order.out, seconds)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _recipe(way: Way, seed: int) -> Recipe:
    found = recipe_for(way.method, has_unlabelled=way.unlabelled)
    return replace(found, seed=seed, epochs=way.epochs or found.epochs, soup=way.soup)


def _measured(task: Task, way: Way, trained: Trained, folder: Path, seconds: float) -> Result:
    labels = {label: i for i, label in enumerate(trained.manifest.labels)}
    unlearned = len(labels)  # some test parts have labels that the train part lacks: errors
    gold = np.array([labels.get(e.intent, unlearned) for e in task.test], dtype=np.int64)
    said, familiar = trained.classifier.read([example.text for example in task.test])
    scores = evaluate.score(np.pad(said, ((0, 0), (0, 1))), gold)
    strange = trained.classifier.read(task.oos)[1] if task.oos else None
    scope = None if strange is None else evaluate.score_scope(familiar, strange)
    return Result(
        task=task.name,
        method=way.method.value,
        encoder=trained.manifest.encoder,
        teacher=way.teacher,
        unlabelled=trained.manifest.arguments.get("unlabelled", 0),
        soup=way.soup,
        seeds=1,
        accuracy=scores.accuracy,
        spread=0.0,
        macro_f1=scores.macro_f1,
        ece=scores.calibration_error,
        auroc=scope.auroc if scope else None,
        recall_at_5=scope.recall_at_5 if scope else None,
        seconds=round(seconds, 1),
        trained=trained.facts.get("trained parameters", ""),
        megabytes=round(_serving_size(folder, trained.manifest.network) / MEGABYTE, 1),
        goal=task.goal,
        floor=task.floor,
        published=task.published,
    )


def _mean(found: Sequence[Result]) -> Result:
    def mean(name: str) -> Any:  # noqa: ANN401 - a float, or None where there is none
        values = [getattr(result, name) for result in found]
        return None if values[0] is None else statistics.fmean(values)

    names = ("accuracy", "macro_f1", "ece", "auroc", "recall_at_5", "seconds")
    accuracies = [result.accuracy for result in found]
    return replace(
        found[0],
        seeds=len(found),
        spread=statistics.stdev(accuracies) if len(found) > 1 else 0.0,
        **{name: mean(name) for name in names},
    )


def _serving_size(folder: Path, network: str) -> int:
    """Bytes that have to be shipped: no report, and of the networks only the one that serves."""
    files = [p for p in folder.iterdir() if p.is_file()]
    idle = {p for p in files if p.suffix == ".onnx" and p.name != network}
    return sum(p.stat().st_size for p in files if p not in idle and p.name != exporting.WEIGHTS)


def _clinc(path: Path) -> dict[str, tuple[LabelledText, ...]]:
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise errors.DatasetError(
            f"{path}: {cause}.", path=str(path), hint="Name the folder of the data sets: --data."
        ) from cause
    return {
        part: tuple(LabelledText(text=text, intent=intent) for text, intent in rows)
        for part, rows in parts.items()
    }


def _known(
    valid: Sequence[LabelledText], train: Sequence[LabelledText]
) -> tuple[LabelledText, ...]:
    """`valid` without labels that `train` lacks: there is nothing to calibrate on such texts."""
    learned = {example.intent for example in train}
    return tuple(example for example in valid if example.intent in learned)


def _as_in(few: Sequence[LabelledText], full: Sequence[LabelledText]) -> tuple[LabelledText, ...]:
    """`few` with the labels spelt as in `full`: the two files differ in capitals."""
    spelt = {example.intent.casefold(): example.intent for example in full}
    return tuple(
        LabelledText(
            text=e.text,
            intent=spelt.get(e.intent.casefold(), e.intent),
            path=e.path,
            line=e.line,
        )
        for e in few
    )
