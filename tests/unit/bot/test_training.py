"""Which model serves: the registry of a data folder, and when a new model is better."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from pathlib import Path

import pytest

from bot import errors
from bot.config import Models, Settings
from bot.training import job, registry
from bot.training.registry import Registered, Registry
from classifier import artifact
from classifier.artifact import Manifest
from classifier.methods import Method

MANIFEST = Manifest(
    method="head",
    encoder="e5",
    labels=("a", "b"),
    data_hash="d1",
    fusion={"dense": 1.0, "lexical": 4.0},
    measured_on="5-fold cross-validation",
    risk=[],
    metrics={"accuracy": 0.8},
    arguments={},
    versions={},
    created_at="2026-03-01T12:00:00+00:00",
)


def registered(
    folder: str = "x", *, accuracy: float = 0.8, data: str = "d1", encoder: str = "e5"
) -> Registered:
    manifest = dataclasses.replace(
        MANIFEST, metrics={"accuracy": accuracy}, data_hash=data, encoder=encoder
    )
    return Registered(folder=Path(folder), manifest=manifest)


def has(models: Registry, *, method: str = "head", data: str = "d1", encoder: str = "e5") -> bool:
    return models.has(method=method, data_hash=data, encoder=encoder)


def add(models: Registry, method: str = "head", data_hash: str = "d1", encoder: str = "e5") -> Path:
    """A sealed model."""
    target = models.new_name(method)
    manifest = dataclasses.replace(MANIFEST, method=method, data_hash=data_hash, encoder=encoder)
    with artifact.new_folder(target) as building:
        (building / "weights").write_bytes(target.name.encode())
        artifact.seal(building, manifest)
    return target


@pytest.mark.parametrize(
    ("new", "used", "better"),
    [
        (registered(accuracy=0.1), None, True),
        (registered(accuracy=0.81), registered(), True),
        (registered(accuracy=0.80), registered(), True),
        (registered(accuracy=0.79), registered(), False),
        (registered(accuracy=0.10, data="d2"), registered(), True),
        (registered(accuracy=0.10, encoder="minilm"), registered(), True),
    ],
)
def test_a_new_model_is_better(new: Registered, used: Registered | None, better: bool) -> None:
    assert job.is_better(new, used) is better


def test_there_is_no_model_before_the_first(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    assert models.current() is None
    assert not has(models)


def test_a_model_is_used_once_it_is_promoted(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    folder = add(models)
    assert models.current() is None
    models.promote(folder)
    found = Registry(tmp_path).current()
    assert found is not None
    assert (found.folder, found.accuracy) == (folder, 0.8)
    assert has(models)
    assert not has(models, method="full")
    assert not has(models, data="d2")
    assert not has(models, encoder="minilm")


def test_each_encoder_goes_on_with_the_model_that_was_made_for_it(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    assert models.suiting("e5") is None
    old, new = add(models), add(models, encoder="e5-tuned-1")
    models.promote(old)
    for encoder, folder in (("e5", old), ("e5-tuned-1", new)):
        found = models.suiting(encoder)
        assert found is not None
        assert found.folder == folder
    assert models.suiting("minilm") is None


def test_old_models_are_cleared_away_but_never_the_one_in_use(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    folders = [add(models) for _ in range(registry.KEPT + 3)]
    models.promote(folders[0])
    left = sorted(p.name for p in (tmp_path / "models/classifier").iterdir() if p.is_dir())
    assert left == [folders[0].name, *(f.name for f in folders[-registry.KEPT :])]
    current = models.current()
    assert current is not None
    assert current.folder == folders[0]


@pytest.mark.parametrize("pointer", ["", "no-such-model\n", "../../../etc\n", "\x00"])
def test_a_pointer_to_nothing_counts_as_no_model(tmp_path: Path, pointer: str) -> None:
    models = Registry(tmp_path)
    add(models)
    (tmp_path / "models/classifier/current").write_text(pointer, encoding="utf-8")
    assert models.current() is None


def test_a_model_without_its_manifest_counts_as_none(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    folder = add(models)
    models.promote(folder)
    (folder / artifact.MANIFEST).unlink()
    assert models.current() is None
    assert not has(models)


def test_a_half_built_model_is_no_model_and_is_cleared_away_in_time(tmp_path: Path) -> None:
    models = Registry(tmp_path)
    young, old = (tmp_path / "models/classifier" / name for name in (".a.building", ".b.building"))
    add(models).rename(young)
    shutil.copytree(young, old)
    assert not has(models)
    long_ago = time.time() - registry.ABANDONED_AFTER_S - 60
    os.utime(old, (long_ago, long_ago))
    models.promote(add(models))
    assert young.is_dir()
    assert not old.exists()


def test_a_training_was_promoted_into_the_data_folder(trained_data: Path) -> None:
    current = Registry(trained_data).current()
    assert current is not None
    assert current.manifest.method == "head"
    assert artifact.read(current.folder) == current.manifest


def test_a_broken_project_is_not_trained(settings: Settings) -> None:
    (settings.project / "nlu" / "broken.yml").write_text("nlu: [", encoding="utf-8")
    with pytest.raises(errors.KnowledgeError, match=r"nlu/broken\.yml:1: not YAML"):
        job.run(settings, Method.HEAD, on_progress=lambda _step, _share: None)


def test_an_encoder_that_is_no_encoder_is_explained(settings: Settings) -> None:
    models = settings.models.model_copy(update={"encoder": "no such encoder"})
    wrong = settings.model_copy(update={"models": models})
    with pytest.raises(errors.ModelError, match=r"neither a known name.*multilingual-e5"):
        job.run(wrong, Method.HEAD, on_progress=lambda _step, _share: None)


def test_a_rasa_project_may_have_an_intent_with_one_example(tmp_path: Path, encoders: Path) -> None:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "config.yml").write_text("pipeline: []\npolicies:\n- name: RulePolicy\n")
    (project / "domain.yml").write_text("intents: [greet, bye]\n")
    greet, bye = "    - hi there\n    - hello\n    - good morning\n", "    - goodbye\n"
    (project / "data" / "nlu.yml").write_text(
        f"nlu:\n- intent: greet\n  examples: |\n{greet}- intent: bye\n  examples: |\n{bye}"
    )
    data = tmp_path / "data"
    (data / "models").mkdir(parents=True)
    (data / "models" / "encoders").symlink_to(encoders / "encoders", target_is_directory=True)
    settings = Settings(
        project=project, data=data, models=Models(encoder="multilingual-e5", finetune=False)
    )
    trained = job.run(settings, Method.HEAD, on_progress=lambda _step, _share: None)
    assert trained.manifest.labels == ("bye", "greet")
    assert Registry(data).current() == trained
