"""The cache of vectors: only new texts are embedded, and a damaged file does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from retrieval.encoders.spec import Side, Vectors
from retrieval.vectors import BATCH, Key, VectorCache

HELLO: Key = (Side.QUERY, "hello")
PARCEL: Key = (Side.QUERY, "我的包裹在哪")
ANSWER: Key = (Side.PASSAGE, "Your parcel is on its way.")
KEYS = [HELLO, PARCEL, ANSWER]


class Counting(Protocol):
    """The real encoder, with a record of what it was asked."""

    asked: list[Key]

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (n, dim)."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cache lies."""
    return tmp_path / "vectors" / "e5.safetensors"


@pytest.fixture
def saved(path: Path, counting: Counting) -> Vectors:
    """Vectors of `KEYS`, saved to `path`."""
    cache = VectorCache(path, "e5")
    vectors = cache.vectors(KEYS, counting)
    cache.save(KEYS)
    counting.asked.clear()
    return vectors


def test_vectors_are_those_of_the_encoder(path: Path, counting: Counting) -> None:
    found = VectorCache(path, "e5").vectors([*KEYS, HELLO], counting)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], found[3])
    wanted = counting.encode([ANSWER[1]], Side.PASSAGE)[0]
    assert found[2] @ wanted > 0.999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_text_is_embedded_once_for_each_side(path: Path, counting: Counting) -> None:
    VectorCache(path, "e5").vectors([HELLO, HELLO, (Side.PASSAGE, "hello")], counting)
    assert sorted(counting.asked) == [(Side.PASSAGE, "hello"), HELLO]


def test_saved_vectors_are_not_embedded_again(
    path: Path, saved: Vectors, counting: Counting
) -> None:
    found = VectorCache(path, "e5").vectors(KEYS, counting)
    np.testing.assert_array_equal(found, saved)
    assert counting.asked == []


def test_only_new_texts_are_embedded(path: Path, saved: Vectors, counting: Counting) -> None:
    new: Key = (Side.QUERY, "brand new")
    found = VectorCache(path, "e5").vectors([*KEYS, new], counting)
    assert counting.asked == [new]
    np.testing.assert_array_equal(found[:3], saved)


def test_texts_that_are_gone_are_forgotten(path: Path, saved: Vectors, counting: Counting) -> None:
    del saved
    VectorCache(path, "e5").save([HELLO])
    VectorCache(path, "e5").vectors(KEYS, counting)
    assert counting.asked == [PARCEL, ANSWER]


def test_an_unchanged_cache_is_not_written_again(path: Path, saved: Vectors) -> None:
    del saved
    before = path.stat().st_mtime_ns
    VectorCache(path, "e5").save(KEYS)
    assert path.stat().st_mtime_ns == before


def test_vectors_of_another_encoder_are_ignored(
    path: Path, saved: Vectors, counting: Counting
) -> None:
    del saved
    VectorCache(path, "minilm").vectors([HELLO], counting)
    assert counting.asked == [HELLO]


@pytest.mark.parametrize("damage", [b"", b"\x00" * 5, b"not safetensors at all", b"\xff" * 4096])
def test_a_damaged_file_is_ignored_and_made_anew(
    path: Path, saved: Vectors, counting: Counting, damage: bytes
) -> None:
    path.write_bytes(damage)
    cache = VectorCache(path, "e5")
    found = cache.vectors(KEYS, counting)
    np.testing.assert_allclose(found, saved, atol=1e-6)
    cache.save(KEYS)
    counting.asked.clear()
    VectorCache(path, "e5").vectors(KEYS, counting)
    assert counting.asked == []


def test_a_cut_off_file_is_ignored(path: Path, saved: Vectors, counting: Counting) -> None:
    del saved
    path.write_bytes(path.read_bytes()[:-100])
    VectorCache(path, "e5").vectors([HELLO], counting)
    assert counting.asked == [HELLO]


def test_a_file_without_vectors_is_ignored(path: Path, counting: Counting) -> None:
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True)
    save_file({"others": np.zeros(3, np.float32)}, path, {"encoder": "e5", "keys": ""})
    VectorCache(path, "e5").vectors([HELLO], counting)
    assert counting.asked == [HELLO]


def test_vectors_that_are_not_those_that_were_written_are_ignored(
    path: Path, saved: Vectors, counting: Counting
) -> None:
    import safetensors
    from safetensors.numpy import save_file

    with safetensors.safe_open(path, "numpy") as file:
        about, vectors = file.metadata(), file.get_tensor("vectors")
    save_file({"vectors": vectors[::-1].copy()}, path, about)
    np.testing.assert_allclose(VectorCache(path, "e5").vectors(KEYS, counting), saved, atol=0.02)
    assert len(counting.asked) == len(KEYS)


def test_many_texts_tell_their_progress(path: Path, counting: Counting) -> None:
    keys: list[Key] = [(Side.QUERY, f"{n}") for n in range(BATCH + 1)]
    told: list[tuple[str, float]] = []
    VectorCache(path, "e5").vectors(keys, counting, lambda *step: told.append(step))
    name = f"embedding {BATCH + 1} texts"
    assert told == [(name, BATCH / (BATCH + 1)), (name, 1.0)]
