"""The models of a data folder: `models/classifier/<name>/`, and `current` naming the one in use."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot import durable
from classifier import artifact, errors
from classifier.artifact import Manifest

ABANDONED_AFTER_S = 6 * 3600
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

    def suiting(self, encoder: str) -> Registered | None:
        """The model in use if it was made for `encoder`, else the newest kept one that was.

        An encoder and the head on it are promoted one after the other; in between, each goes on
        with the one that it was made for.
        """
        used = self.current()
        if used is None or used.manifest.encoder == encoder:
            return used
        for folder in reversed(self._folders()):
            manifest = _manifest(folder)
            if manifest is not None and manifest.encoder == encoder:
                return Registered(folder=folder, manifest=manifest)
        return None

    def has(self, *, method: str, data_hash: str, encoder: str) -> bool:
        """Whether a model of that method, training data and encoder is kept."""
        kept = [m for m in map(_manifest, self._folders()) if m is not None]
        return (method, data_hash, encoder) in [(m.method, m.data_hash, m.encoder) for m in kept]

    def promote(self, folder: Path) -> None:
        """Use the model in `folder` from the next start on; survives a crash at any point."""
        durable.write(self._pointer, f"{folder.name}\n".encode())
        self._clear(folder)

    def _clear(self, used: Path) -> None:
        for half_done in self._root.glob(".*.building"):  # of a training that was killed
            if time.time() - half_done.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(half_done, ignore_errors=True)
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
