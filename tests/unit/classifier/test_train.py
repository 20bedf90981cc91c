"""Heads are measured by cross-validation, whose folds cost time where there are many examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.knowledge.model import Knowledge
from classifier import artifact, train
from classifier.methods import Method
from classifier.plan import Around, Plan
from retrieval.encoders.runtime import Encoder

EXAMPLES = 120


@pytest.mark.parametrize(("many", "folds"), [(EXAMPLES, 5), (EXAMPLES - 1, 2)])
def test_of_many_examples_halves_are_asked_instead_of_fifths(
    starter: Knowledge,
    encoder: Encoder,
    encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    many: int,
    folds: int,
) -> None:
    monkeypatch.setattr(train, "MANY", many)
    examples = sorted(starter.examples, key=lambda e: e.intent)[:EXAMPLES]
    plan = Plan(
        method=Method.HEAD,
        encoder_folder=encoder_folder,
        encoder_id=encoder_folder.name,
        examples=tuple(examples),
        holdout=0.0,
    )
    told: list[tuple[str, float]] = []
    around = Around(on_progress=lambda step, share: told.append((step, share)))
    with artifact.new_folder(tmp_path / "model") as building:
        trained = train.train(plan, building, encoder, around)
        artifact.seal(building, trained.manifest)
    assert trained.manifest.measured_on == f"{folds}-fold cross-validation"
    assert len(trained.tested) == EXAMPLES
    assert trained.manifest.metrics["accuracy"] > 0.5
    assert (f"cross-validation in {folds} folds", 0.0) in told
