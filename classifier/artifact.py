"""The model folder: its manifest with the hash of every file, written last and checked first.

A folder is built beside its place, sealed, and renamed in, so that it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from classifier import errors

MANIFEST = "manifest.json"
FORMAT = 3  # 2: the words beside the encoder, familiarity, risk; 3: punctuation among the words


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a model folder holds and where it comes from."""

    method: str
    """"head" or "full"."""
    encoder: str
    labels: tuple[str, ...]
    data_hash: str
    """`dataset.fingerprint` of the training data."""
    fusion: dict[str, float]
    """`fusion.Fusion`: the weights of the two experts."""
    metrics: dict[str, float]
    """On texts that the model had not seen."""
    measured_on: str
    """Which texts these were, in words."""
    risk: list[dict[str, Any]]
    """`risk.RiskPoint`s: the threshold and the coverage of each risk."""
    arguments: dict[str, Any]
    versions: dict[str, str]
    created_at: str
    """ISO 8601, UTC."""
    network: str = ""
    """The ONNX file that serves; empty where the encoder is not part of the folder."""
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every other file in the folder, by relative name."""

    @property
    def model_id(self) -> str:
        """Method and the first 12 digits of a hash over all files."""
        digest = hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()
        return f"{self.method}-{digest[:12]}"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to build an artefact in; renamed to `target` at the end, removed on any error."""
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        building.replace(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the hashes of all files that lie in `folder` now, and return it."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    files = {name: file_hash(folder / name) for name in names if name != MANIFEST}
    sealed = replace(manifest, files=files)
    text = json.dumps(asdict(sealed), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return sealed


def read(folder: Path) -> Manifest:
    """The manifest of `folder`, after every file was checked against its hash.

    Raises:
        errors.ArtifactError: no manifest, another format, a file missing or changed.
    """
    manifest = read_unchecked(folder)
    for name, wanted in manifest.files.items():
        path = folder / name
        if not path.is_file() or file_hash(path) != wanted:
            raise errors.ArtifactError(
                f"{path} is missing or was changed since training.",
                hint="Train again with `frontdesk train`.",
            )
    return manifest


def read_unchecked(folder: Path) -> Manifest:
    """The manifest without looking at the files: for lists and comparisons, not for loading."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise errors.ArtifactError(
                f"{folder} has format {data['format']}, this version reads {FORMAT}.",
                hint="Train again with `frontdesk train`.",
            )
        manifest = Manifest(**{**data, "labels": tuple(data["labels"])})
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise errors.ArtifactError(
            f"{folder} is no model folder: {cause}.", hint="Train one with `frontdesk train`."
        ) from cause
    return manifest


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
