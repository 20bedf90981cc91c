"""What a training tells: lines of JSON, TensorBoard's events, and nothing unasked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from classifier import errors, tracking


def test_figures_are_written_as_lines_and_as_events(tmp_path: Path) -> None:
    events = tmp_path / "events"
    with tracking.log(tmp_path / "run", tensorboard=events, about={}) as log:
        log(10, {"loss": 0.5})
        log(20, {"loss": 0.25, "held-out loss": 0.75})
    lines = (tmp_path / "run" / tracking.FILE).read_text(encoding="utf-8").splitlines()
    said = [json.loads(line) for line in lines]
    assert [(line["step"], line["loss"]) for line in said] == [(10, 0.5), (20, 0.25)]
    read = EventAccumulator(str(events))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(10, 0.5), (20, 0.25)]
    assert [e.value for e in read.Scalars("held-out_loss")] == [0.75]


@pytest.mark.parametrize("package", ["wandb", "torch.utils.tensorboard"])
def test_what_is_not_installed_is_named_before_the_training_begins(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    events = None if package == "wandb" else tmp_path
    wandb = "shop" if package == "wandb" else ""
    opened = tracking.log(tmp_path, tensorboard=events, wandb=wandb, about={})
    with pytest.raises(errors.TrainingError, match="pip install"), opened:
        pass
