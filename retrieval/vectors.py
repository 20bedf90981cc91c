"""Remembers the vectors of texts, so that an edit embeds only what changed.

A cache in the data folder: a large file that is mapped into memory, and a small one with what came
since. Both may be deleted at any time; a file that does not fit or was damaged is made anew.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval import arrays, errors
from retrieval.encoders.spec import Side, Vectors

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""

BATCH = 64
CHECKPOINT = 20_000  # texts: at least so many are written to the disk while many are embedded
HALVED = 50_000  # vectors from which they are kept in half precision
MERGE_SHARE = 8  # the small file is merged into the large one at an eighth of its size
LEAST_MERGED = 2_000
NOTED_SHARE = 8  # the small file is written again when an eighth is new
Key = tuple[Side, str]
"""A text and the side it is embedded for."""
Digest = tuple[int, int]
"""128 bits of the hash of a key."""


class TextEncoder(Protocol):
    """The part of an encoder that is needed here."""

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (n, dim) of `texts`."""


class VectorCache:
    """Vectors by (side, text) for one encoder; written to disk by `save` and `note`.

    Safe in several threads.
    """

    def __init__(self, path: Path, encoder_id: str) -> None:
        """Read `path`, and the small file beside it, if they hold vectors of `encoder_id`."""
        self._path = path
        self._small = path.with_suffix(".new.safetensors")
        self.encoder_id = encoder_id
        self._keys, self._stored = self._read(path)
        self._fresh: dict[Digest, NDArray[Any]] = {}
        digests, vectors = self._read(self._small)
        if len(digests):
            self._fresh = dict(zip(_pairs(digests), vectors, strict=True))
        self._noted = len(self._fresh)
        self._lock = threading.RLock()

    def vectors(
        self, keys: Sequence[Key], encoder: TextEncoder, on_progress: Progress | None = None
    ) -> Vectors:
        """Unit vectors (len(keys), dim); embeds only those never seen before."""
        with self._lock:
            self.learn(keys, encoder, on_progress)
            return self._look_up(_digests(keys))

    def _look_up(self, digests: NDArray[np.uint64]) -> Vectors:
        places = self._places(digests)
        dim = self._stored.shape[1] or len(next(iter(self._fresh.values())))
        found = np.empty((len(digests), dim), np.float32)
        there = places >= 0
        if there.any():
            found[there] = self._stored[places[there]]
        for row in np.flatnonzero(~there).tolist():
            high, low = digests[row].tolist()
            found[row] = self._fresh[high, low]
        return found

    def learn(
        self, keys: Sequence[Key], encoder: TextEncoder, on_progress: Progress | None = None
    ) -> None:
        """Embed those of `keys` that were never seen before; writes now and then if many."""
        with self._lock:
            digests = _digests(keys)
            unknown = np.flatnonzero(self._places(digests) < 0).tolist()
            pairs = _pairs(digests[unknown])
            missing = {
                pair: keys[row]
                for row, pair in zip(unknown, pairs, strict=True)
                if pair not in self._fresh
            }
            for side in Side:
                some = {pair: text for pair, (where, text) in missing.items() if where is side}
                self._embed(list(some.items()), side, encoder, on_progress)

    def save(self, keep: Iterable[Key]) -> None:
        """Write the vectors of `keep` to disk if any is new, and forget the others."""
        with self._lock:
            wanted = _sorted(_digests(list(keep)))
            there = self._places(wanted) >= 0
            if not self._fresh and there.sum() == len(self._keys):
                return
            self._write(wanted)

    def note(self) -> None:
        """Write what is new to the disk; takes as long as that is large."""
        with self._lock:
            new = len(self._fresh) - self._noted
            if not new or new < self._noted // NOTED_SHARE:
                return
            if len(self._fresh) > max(LEAST_MERGED, len(self._keys) // MERGE_SHARE):
                self._merge()
                return
            digests = np.array(list(self._fresh), np.uint64).reshape(-1, 2)
            vectors = np.stack(list(self._fresh.values()))
            self._noted = len(self._fresh)
        self._put(self._small, digests, vectors)

    def _merge(self) -> None:
        fresh = np.array(list(self._fresh), np.uint64).reshape(-1, 2)
        self._write(_sorted(np.concatenate([self._keys, fresh])))

    def _write(self, wanted: NDArray[np.uint64]) -> None:
        """Make the large file of exactly these digests (n, 2), sorted."""
        places = self._places(wanted)
        dim = self._stored.shape[1] or len(next(iter(self._fresh.values()), ()))
        kind = np.float16 if len(wanted) > HALVED else np.float32
        whole = np.empty((len(wanted), dim), kind)
        there = places >= 0
        if there.any():
            whole[there] = self._stored[places[there]]
        for row in np.flatnonzero(~there).tolist():
            high, low = wanted[row].tolist()
            whole[row] = self._fresh[high, low]
        self._put(self._path, wanted, whole)
        self._small.unlink(missing_ok=True)
        self._keys, self._stored = wanted, whole
        self._fresh, self._noted = {}, 0
        if kind is np.float16:  # large: mapped into memory instead of held
            self._keys, self._stored = self._read(self._path)

    def _put(self, path: Path, digests: NDArray[np.uint64], vectors: NDArray[Any]) -> None:
        whole = {"digests": digests, "vectors": vectors}
        arrays.write(path, whole, {"encoder": self.encoder_id})

    def _embed(
        self,
        texts: Sequence[tuple[Digest, str]],
        side: Side,
        encoder: TextEncoder,
        on_progress: Progress | None,
    ) -> None:
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            found = encoder.encode([text for _, text in batch], side)
            for (digest, _), vector in zip(batch, found, strict=True):
                self._fresh[digest] = vector
            if len(self._fresh) - self._noted >= max(CHECKPOINT, len(self._keys)):
                self._merge()
            if on_progress and len(texts) > BATCH:
                done = (start + len(batch)) / len(texts)
                on_progress(f"embedding {len(texts)} texts", done)

    def _places(self, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
        """(n,) rows of the large file where these digests (n, 2) stand, -1 for none."""
        if not len(self._keys):
            return np.full(len(digests), -1, np.int64)
        places = np.searchsorted(self._keys[:, 0], digests[:, 0])
        places = np.minimum(places, len(self._keys) - 1)
        same = np.asarray(self._keys[places] == digests).all(axis=1)
        return np.where(same, places, -1)

    def _read(self, path: Path) -> tuple[NDArray[np.uint64], NDArray[Any]]:
        """Digests (n, 2), sorted, and vectors (n, dim); none if the file is not ours."""
        try:
            found, about = arrays.read(path)
            if about.get("encoder") == self.encoder_id:
                return np.asarray(found["digests"]), found["vectors"]
        except (errors.ArtifactError, KeyError):  # a cache: made anew
            pass
        return np.empty((0, 2), np.uint64), np.empty((0, 0), np.float32)


def _digests(keys: Sequence[Key]) -> NDArray[np.uint64]:
    """(n, 2) 128 bits of the hash of each key."""
    hashed = b"".join(
        hashlib.sha256(f"{side}\0{text}".encode()).digest()[:16] for side, text in keys
    )
    return np.frombuffer(hashed, np.uint64).reshape(-1, 2)


def _pairs(digests: NDArray[np.uint64]) -> list[Digest]:
    return [(high, low) for high, low in digests.tolist()]


def _sorted(digests: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each once, by the first half: the order that is searched in."""
    return np.unique(digests, axis=0) if len(digests) else digests
