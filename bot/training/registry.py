"""The models of a data folder: `models/classifier/<name>/`, and `current` naming the one in use."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from classifier import artifact, errors
from classifier.artifact import Manifest

KEPT = 3  # older models are deleted; the one in use never is


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A model folder and what its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def accuracy(self) -> float:
        """On its held-out examples, 0 to 1."""
        return self.manifest.metrics["accuracy"]


class Registry:
    """Finds, promotes and clears away trained classifiers."""

    def __init__(self, data: Path) -> None:
        """Models of the data folder `data`."""
        self.encoders = data / "models"
        self._root = data / "models" / "classifier"
        self._pointer = self._root / "current"

    def new_name(self, method: str) -> Path:
        """Where the next model of that method is to go; sorts by time."""
        self._root.mkdir(parents=True, exist_ok=True)
        return self._root / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{method}"

    def current(self) -> Registered | None:
        """The model in use, None when there is none that can be used."""
        try:
            name = self._pointer.read_text(encoding="utf-8").strip()
            folder = self._root / Path(name).name
            return Registered(folder=folder, manifest=artifact.read_unchecked(folder))
        except (OSError, errors.ArtifactError):
            return None

    def has(self, method: str, data_hash: str) -> bool:
        """Whether a model of that method and training data is kept."""
        return any(
            m.method == method and m.data_hash == data_hash
            for m in map(_manifest, self._folders())
            if m is not None
        )

    def promote(self, folder: Path) -> None:
        """Use the model in `folder` from the next start on; survives a crash at any point."""
        beside = self._pointer.with_suffix(".new")
        beside.write_text(folder.name + "\n", encoding="utf-8")
        beside.replace(self._pointer)
        self._clear(folder)

    def _clear(self, used: Path) -> None:
        for folder in self._folders()[:-KEPT]:
            if folder != used:
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        """Finished models, oldest first."""
        if not self._root.is_dir():
            return []
        return sorted(p for p in self._root.iterdir() if p.is_dir() and p.name[0] != ".")


def _manifest(folder: Path) -> Manifest | None:
    try:
        return artifact.read_unchecked(folder)
    except errors.ArtifactError:
        return None
