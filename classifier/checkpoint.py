"""Where an interrupted fine-tuning left off: one safetensors file, replaced whole, never a pickle.

It belongs to one order (data, encoder, recipe); for another one it is not used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier import adapters

if TYPE_CHECKING:
    from classifier.finetune import Trainer

FILE = "checkpoint.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")  # of AdamW


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file to keep, and the order that it belongs to."""

    folder: Path
    order: str
    """A hash over everything that decides how the training goes."""

    @property
    def file(self) -> Path:
        """Where the state lies."""
        return self.folder / FILE


def save(checkpoint: Checkpoint, trainer: Trainer) -> None:
    """Write the state of `trainer` after a whole epoch."""
    from safetensors.torch import save_file  # noqa: PLC0415 - loads torch

    tensors: dict[str, Any] = {}
    for name, weight in trainer.weights.items():
        state = trainer.optimizer.state[weight]
        tensors[f"weight/{name}"] = weight.detach()
        tensors[f"average/{name}"] = trainer.average[name]
        tensors[f"step/{name}"] = state["step"]
        tensors.update({f"{moment}/{name}": state[moment] for moment in MOMENTS})
    tensors |= {f"best/{name}": weight for name, weight in trainer.best.items()}
    tensors |= {f"memory/{k}": v for k, v in adapters.memory(trainer.network.bert).items()}
    about = {
        "order": checkpoint.order,
        "epochs": trainer.epochs_done,
        "best_loss": trainer.best_loss,
        "best_epoch": trainer.best_epoch,
    }
    checkpoint.folder.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.file.with_suffix(".unfinished")
    whole = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    save_file(whole, unfinished, metadata={"about": json.dumps(about)})
    unfinished.replace(checkpoint.file)


def restore(checkpoint: Checkpoint, trainer: Trainer) -> None:
    """Bring `trainer` to the saved state; leave it as it is where there is none of its order."""
    from safetensors.torch import load_file  # noqa: PLC0415

    about = read(checkpoint)
    if about is None:
        return
    tensors = load_file(checkpoint.file, device=trainer.device)
    for name, weight in trainer.weights.items():
        weight.data.copy_(tensors[f"weight/{name}"])
        trainer.average[name].copy_(tensors[f"average/{name}"])
        trainer.optimizer.state[weight] = {
            "step": tensors[f"step/{name}"].cpu(),  # where AdamW keeps it
            **{moment: tensors[f"{moment}/{name}"] for moment in MOMENTS},
        }
    trainer.best = _under("best/", tensors)
    adapters.recall(trainer.network.bert, _under("memory/", tensors))
    trainer.epochs_done = int(about["epochs"])
    trainer.best_loss, trainer.best_epoch = float(about["best_loss"]), int(about["best_epoch"])


def read(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """What is known of the saved state; None if there is none of this order, or it is damaged."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(checkpoint.file, framework="np") as opened:
            about: dict[str, Any] = json.loads(opened.metadata()["about"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return about if about.get("order") == checkpoint.order else None


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
