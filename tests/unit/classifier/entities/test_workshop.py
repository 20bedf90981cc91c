"""A model is trained once for what it learns from."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from classifier import errors
from classifier.entities import annotation, trained, workshop
from classifier.entities.reading import EntityData


def taught(item: str) -> EntityData:
    marked = (f"my [{item}](item) broke", f"the [{item}](item) is nice", "hello")
    return EntityData(examples=tuple(map(annotation.read, marked)))


def test_it_is_trained_once_and_again_after_an_edit(tmp_path: Path) -> None:
    first = workshop.open_extractor([], taught("lamp"), tmp_path)
    assert [e.value for e in first.extract("my lamp broke")] == ["lamp"]
    (folder,) = tmp_path.iterdir()
    made = (folder / "manifest.json").stat().st_mtime_ns
    workshop.open_extractor([], taught("lamp"), tmp_path)
    assert (folder / "manifest.json").stat().st_mtime_ns == made
    workshop.open_extractor([], taught("rug"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_where_nothing_learns_nothing_is_trained(tmp_path: Path) -> None:
    extractor = workshop.open_extractor(
        [{"name": "RegexEntityExtractor"}], taught("lamp"), tmp_path / "models"
    )
    assert extractor.extract("my lamp") == ()
    assert not (tmp_path / "models").exists()


def test_old_models_are_deleted_but_the_last_three(tmp_path: Path) -> None:
    long_ago = time.time() - 2 * workshop.LOADED_S
    for name in "abcd":
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (long_ago + ord(name), long_ago + ord(name)))
    new = workshop.train_once(taught("lamp"), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"c", "d", new.name}


def test_a_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = workshop.train_once(taught("lamp"), tmp_path)
    (folder / trained.WEIGHTS).write_bytes(b"")
    with pytest.raises(errors.ArtifactError, match="changed"):
        workshop.open_extractor([], taught("lamp"), tmp_path)
