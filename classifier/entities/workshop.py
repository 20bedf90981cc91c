"""The one door for a server: entity data and a pipeline in, a ready extractor out.

The trained model is kept under the fingerprint of what it learned from, so it is trained once and
again after an edit; that takes seconds, and CRFsuite lets other threads run meanwhile.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from classifier.entities import configured, trained
from classifier.entities.configured import Component, Surroundings
from classifier.entities.pipeline import EntityExtractor, Extractor
from classifier.entities.reading import EntityData

KEPT = 3  # older models are deleted
LOADED_S = 3600  # a younger one may be about to be loaded by somebody


def open_extractor(
    pipeline: Sequence[Component],
    data: EntityData,
    models: Path,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    zone: tzinfo = UTC,
) -> EntityExtractor:
    """The extractor of a project; trains first where something is to be learned and is not yet.

    Args:
        pipeline: `pipeline` of config.yml; empty for the default.
        data: what the NLU files say of entities.
        models: the folder in which entity models are kept.
        clock: gives the moment that "tomorrow" refers to, aware.
        zone: where days begin.

    Raises:
        errors.DatasetError: the pipeline has a value that it cannot have.
        errors.ArtifactError: a model was changed on disk.
    """
    load: Callable[[str], Extractor] | None = None
    if configured.needs_training(pipeline, data):
        folder = train_once(data, models)

        def load(name: str) -> Extractor:
            return trained.load(folder, name=name)

    around = Surroundings(data=data, load_trained=load, clock=clock, zone=zone)
    return configured.build(pipeline, around)


def train_once(data: EntityData, models: Path) -> Path:
    """The folder of the model of `data` below `models`, trained unless it is there."""
    folder = models / trained.fingerprint(data)[:16]
    if not folder.is_dir():
        models.mkdir(parents=True, exist_ok=True)
        try:
            trained.train(data, folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
        _clear(models)
    return folder


def _clear(models: Path) -> None:
    kept = sorted((p for p in models.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for folder in kept[:-KEPT]:
        if time.time() - folder.stat().st_mtime > LOADED_S:
            shutil.rmtree(folder, ignore_errors=True)
