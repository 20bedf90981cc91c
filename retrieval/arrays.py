"""Named arrays in one sealed file (safetensors): checked before use, then mapped into memory.

The seal is an HMAC-SHA256 over everything but itself. A file that was damaged, cut off, or written
by somebody who does not have the key is not read any further.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from retrieval import errors

Arrays = Mapping[str, NDArray[Any]]
TYPES = {
    "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "U64": np.uint64,
    "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}
OPEN_KEY = b"frontdesk"  # finds damage only; whoever wants to keep strangers out passes another
MAX_HEADER = 1 << 20  # bytes
PIECE = 1 << 22
SEAL_CHARS = 64


def write(path: Path, arrays: Arrays, about: Mapping[str, str], *, key: bytes = OPEN_KEY) -> None:
    """Write `arrays` beside `path`, bring them to the disk, and put the file in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    table = _table(arrays)
    seal = _seal(key, table, about)
    try:
        with beside.open("wb") as file:
            place = _write_header(file, table, about)
            for array in arrays.values():
                for piece in _pieces(array):
                    file.write(piece)
                    seal.update(piece)
            file.seek(place)
            file.write(seal.hexdigest().encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, *, key: bytes = OPEN_KEY) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of `path`, read-only and mapped into memory, and what is said about them.

    Raises:
        errors.ArtifactError: there is no such file, or its seal is not ours.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= MAX_HEADER:
                raise ValueError(f"a header of {size} bytes")  # noqa: TRY301 - one message for all
            header: dict[str, Any] = json.loads(file.read(size))
            about: dict[str, str] = header.pop("__metadata__")
            found = about.pop("seal")
            seal = _seal(key, header, about)
            while piece := file.read(PIECE):
                seal.update(piece)
        if not hmac.compare_digest(seal.hexdigest().encode(), str(found).encode()):
            raise ValueError("the seal is not ours")  # noqa: TRY301
        return {name: _mapped(path, size + 8, row) for name, row in header.items()}, about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise errors.ArtifactError(
            f"{path} cannot be used: {cause}.", hint="Nothing to do: it is made again."
        ) from cause


def _table(arrays: Arrays) -> dict[str, Any]:
    table: dict[str, Any] = {}
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        table[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    return table


def _write_header(file: IO[bytes], table: Mapping[str, Any], about: Mapping[str, str]) -> int:
    """Write the header with room for the seal, and say where that is."""
    room = "0" * SEAL_CHARS
    header = json.dumps({"__metadata__": {**about, "seal": room}, **table}).encode()
    header += b" " * (-len(header) % 64)  # so that arrays begin at a multiple of 8
    file.write(len(header).to_bytes(8, "little"))
    file.write(header)
    return 8 + header.index(f'"seal": "{room}"'.encode()) + len('"seal": "')


def _seal(key: bytes, table: Mapping[str, Any], about: Mapping[str, str]) -> hmac.HMAC:
    said = json.dumps([table, dict(about)], sort_keys=True).encode()
    return hmac.new(key, said, hashlib.sha256)


def _pieces(array: NDArray[Any]) -> Iterator[memoryview]:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return (flat[start : start + PIECE].data for start in range(0, len(flat), PIECE))


def _mapped(path: Path, base: int, row: Mapping[str, Any]) -> NDArray[Any]:
    kind, shape = TYPES[row["dtype"]], tuple(row["shape"])
    start, end = row["data_offsets"]
    if start == end:
        return np.empty(shape, kind)
    whole = np.memmap(path, kind, "r", base + start, shape)
    return whole.view(np.ndarray)  # the same memory; a slice of a memmap costs 5 µs
