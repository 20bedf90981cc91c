"""Remembers the vectors of texts, so that an edit embeds only what changed.

A cache in the data folder: safetensors plus the digests of the texts. It may be deleted at any
time; a file that does not fit or was damaged is ignored and made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import safetensors
from safetensors.numpy import save_file

from retrieval.encoders.spec import Side, Vectors

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""

BATCH = 64
Key = tuple[Side, str]
"""A text and the side it is embedded for."""


class TextEncoder(Protocol):
    """The part of an encoder that is needed here."""

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (n, dim) of `texts`."""


class VectorCache:
    """Vectors by (side, text) for one encoder; written to disk by `save`."""

    def __init__(self, path: Path, encoder_id: str) -> None:
        """Read `path` if it holds vectors of the encoder `encoder_id`."""
        self._path = path
        self._encoder_id = encoder_id
        self._vectors: dict[str, np.ndarray] = {}
        self._fresh = False
        self._read()

    def vectors(
        self, keys: Sequence[Key], encoder: TextEncoder, on_progress: Progress | None = None
    ) -> Vectors:
        """Unit vectors (len(keys), dim); embeds only those never seen before."""
        missing = list(dict.fromkeys(key for key in keys if _digest(key) not in self._vectors))
        for side in Side:
            self._embed([text for where, text in missing if where is side], side, encoder,
                        on_progress)  # fmt: skip
        return np.stack([self._vectors[_digest(key)] for key in keys]).astype(np.float32)

    def save(self, keep: Sequence[Key]) -> None:
        """Write the vectors of `keep` to disk if any is new, and forget the others."""
        wanted = {_digest(key) for key in keep}
        if not self._fresh and wanted == self._vectors.keys():
            return
        self._vectors = {name: v for name, v in self._vectors.items() if name in wanted}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".writing")
        stacked = {"vectors": np.stack(list(self._vectors.values()))}  # (n, dim)
        about = {
            "encoder": self._encoder_id,
            "keys": " ".join(self._vectors),
            "sha256": _checksum(stacked["vectors"]),
        }
        save_file(stacked, beside, about)
        beside.replace(self._path)
        self._fresh = False

    def _embed(
        self, texts: Sequence[str], side: Side, encoder: TextEncoder, on_progress: Progress | None
    ) -> None:
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            for text, vector in zip(batch, encoder.encode(batch, side), strict=True):
                self._vectors[_digest((side, text))] = vector
            self._fresh = True
            if on_progress and len(texts) > BATCH:
                done = (start + len(batch)) / len(texts)
                on_progress(f"embedding {len(texts)} texts", done)

    def _read(self) -> None:
        try:
            with safetensors.safe_open(self._path, "numpy") as file:
                about = file.metadata() or {}
                vectors = file.get_tensor("vectors")
        except (OSError, safetensors.SafetensorError):
            return
        keys = about.get("keys", "").split()
        ours = about.get("encoder") == self._encoder_id and len(keys) == len(vectors)
        if ours and about.get("sha256") == _checksum(vectors):
            self._vectors = dict(zip(keys, vectors, strict=True))


def _checksum(vectors: Vectors) -> str:
    return hashlib.sha256(np.ascontiguousarray(vectors).view(np.uint8).data).hexdigest()


def _digest(key: Key) -> str:
    side, text = key
    return hashlib.sha256(f"{side}\0{text}".encode()).hexdigest()
