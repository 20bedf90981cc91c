"""Model folders: whole or not there, and every byte as it was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from classifier import artifact, errors
from classifier.artifact import Manifest


def manifest(**changes: object) -> Manifest:
    values = {
        "method": "head",
        "encoder": "multilingual-e5",
        "labels": ("greet", "退货"),
        "data_hash": "d" * 64,
        "fusion": {"dense": 1.5, "lexical": 4.0},
        "measured_on": "5-fold cross-validation",
        "risk": [],
        "metrics": {"accuracy": 0.9},
        "arguments": {"seed": 13},
        "versions": {"python": "3.11"},
        "created_at": "2026-03-01T12:00:00+00:00",
    }
    return Manifest(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed folder with two files, one of them in a folder below."""
    target = tmp_path / "model"
    with artifact.new_folder(target) as building:
        (building / "weights").write_bytes(b"0123456789")
        (building / "deeper").mkdir()
        (building / "deeper" / "more").write_bytes(b"abc")
        artifact.seal(building, manifest())
    return target


def test_what_was_sealed_is_read_back(folder: Path) -> None:
    found = artifact.read(folder)
    assert found.labels == ("greet", "退货")
    assert found.fusion == {"dense": 1.5, "lexical": 4.0}
    assert found.files == {
        "deeper/more": hashlib.sha256(b"abc").hexdigest(),
        "weights": hashlib.sha256(b"0123456789").hexdigest(),
    }


@pytest.mark.parametrize("name", ["weights", "deeper/more"])
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with pytest.raises(errors.ArtifactError, match=f"{name} is missing or was changed") as caught:
        artifact.read(folder)
    assert caught.value.hint == "Train again with `frontdesk train`."


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "weights").unlink()
    with pytest.raises(errors.ArtifactError, match="weights is missing"):
        artifact.read(folder)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"labels": []}', '{"labels": 3}', "\x00"])
def test_a_damaged_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / artifact.MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match="is no model folder"):
        artifact.read(folder)


def test_a_manifest_of_the_future_is_refused(folder: Path) -> None:
    path = folder / artifact.MANIFEST
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | {"format": artifact.FORMAT + 1}), encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match="has format 4, this version reads 3"):
        artifact.read(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.ArtifactError, match="frontdesk train"):
        artifact.read(tmp_path / "nothing")


def half_built(target: Path) -> None:
    with artifact.new_folder(target) as building:
        (building / "weights").write_bytes(b"half")
        raise KeyboardInterrupt


def test_a_half_built_folder_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        half_built(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_training_left_is_built_anew(tmp_path: Path) -> None:
    left = tmp_path / ".model.building"
    left.mkdir()
    (left / "old").write_bytes(b"old")
    with artifact.new_folder(tmp_path / "model") as building:
        (building / "new").write_bytes(b"new")
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["new"]
    assert not left.exists()


def test_the_model_id_names_method_and_files() -> None:
    one, other = manifest(files={"a": "1"}), manifest(files={"a": "2"})
    assert one.model_id.startswith("head-")
    assert len(one.model_id) == len("head-") + 12
    assert one.model_id == manifest(files={"a": "1"}).model_id
    assert one.model_id != other.model_id
    assert manifest(method="full").model_id.startswith("full-")
