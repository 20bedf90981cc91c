"""What a training tells while it runs: a file of JSON lines, TensorBoard and, if named, W&B.

Nothing leaves the machine unless a Weights & Biases project was named.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from classifier.errors import TrainingError
from classifier.finetune import Log

FILE = "training.jsonl"


@contextlib.contextmanager
def log(
    folder: Path, *, tensorboard: Path | None = None, wandb: str = "", about: Mapping[str, Any]
) -> Iterator[Log]:
    """A log that writes to all that were chosen.

    Args:
        folder: where `training.jsonl` goes; created if missing.
        tensorboard: a folder for event files.
        wandb: the project on Weights & Biases; its own settings (key, mode, server) come from
            the environment, as its users know them.
        about: the arguments of the run.

    Raises:
        TrainingError: a package that was asked for is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as open_things:
        file = open_things.enter_context((folder / FILE).open("a", encoding="utf-8"))
        logs: list[Log] = []
        if tensorboard is not None:
            logs.append(open_things.enter_context(_tensorboard(tensorboard)))
        if wandb:
            logs.append(open_things.enter_context(_wandb(wandb, about)))

        def write(step: int, figures: Mapping[str, float]) -> None:
            line = {"step": step, "time": round(time.time(), 3), **figures}
            file.write(json.dumps(line) + "\n")
            file.flush()
            for other in logs:
                other(step, figures)

        yield write


@contextlib.contextmanager
def _tensorboard(folder: Path) -> Iterator[Log]:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional
    except ImportError as cause:
        raise _missing("tensorboard") from cause
    with SummaryWriter(str(folder)) as writer:

        def write(step: int, figures: Mapping[str, float]) -> None:
            for name, value in figures.items():
                writer.add_scalar(name.replace(" ", "_"), value, step)

        yield write


@contextlib.contextmanager
def _wandb(project: str, about: Mapping[str, Any]) -> Iterator[Log]:
    try:
        import wandb  # noqa: PLC0415 - optional
    except ImportError as cause:
        raise _missing("wandb") from cause
    with wandb.init(project=project, config=dict(about)) as run:
        yield lambda step, figures: run.log(dict(figures), step=step)


def _missing(package: str) -> TrainingError:
    return TrainingError(f"{package} is not installed.", hint=f"pip install {package}")
