"""Encoder folders on disk: written beside, sealed with hashes, renamed in, checked when opened.

A folder without a valid `manifest.json` never carries an encoder's final name.
"""

import collections.abc
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import sys
from typing import Any

from retrieval import errors

FILE_NAME = "manifest.json"
FORMAT = 1
PART = ".part-"  # in the name of a folder that is still being written
HINT = "Delete the folder; it is built again at the next start."


def seal(folder: pathlib.Path, **facts: str) -> None:
    """Write `manifest.json` with the size and SHA-256 of every file, all flushed to the disk.

    Args:
        folder: The finished folder.
        facts: What else to record, e.g. the choice it was built for.
    """
    files = {}
    for path in sorted(folder.iterdir()):
        path.chmod(0o644)  # safetensors writes 0600: a later container user could not read it
        with path.open("rb") as file:
            os.fsync(file.fileno())
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    text = json.dumps({"format": FORMAT, **facts, "files": files}, indent=2)
    with (folder / FILE_NAME).open("w", encoding="utf-8") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())


def sha256(path: pathlib.Path) -> str:
    """Return the file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: pathlib.Path, *, skip_hash: collections.abc.Collection[str] = ()) -> None:
    """Compare the files of `folder` with its manifest.

    Args:
        folder: A sealed folder.
        skip_hash: Files of which only the size is checked, for a quick start.

    Raises:
        ArtifactError: The manifest is missing or damaged, or a file is missing, has another size
            or another hash.
    """
    for name, expected in _files(folder).items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else -1
        if size != expected["bytes"]:
            raise errors.ArtifactError(
                f"{path} has {size} bytes instead of {expected['bytes']}"
                if size >= 0
                else f"{path} is missing",
                hint=HINT,
            )
        if name not in skip_hash and sha256(path) != expected["sha256"]:
            raise errors.ArtifactError(f"{path} was changed: its SHA-256 differs", hint=HINT)


def _files(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / FILE_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files = {
            str(k): {"bytes": v["bytes"], "sha256": v["sha256"]}
            for k, v in manifest["files"].items()
        }
        version = manifest["format"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise errors.ArtifactError(f"{path} cannot be read: {error}", hint=HINT) from error
    if version != FORMAT:
        raise errors.ArtifactError(f"{path} has format {version}, not {FORMAT}", hint=HINT)
    if any(pathlib.PurePath(name).name != name for name in files):
        raise errors.ArtifactError(f"{path} names a file outside its folder", hint=HINT)
    return files


@contextlib.contextmanager
def build(target: pathlib.Path) -> collections.abc.Iterator[pathlib.Path]:
    """Give an empty folder beside `target`; rename it to `target` if the block succeeds.

    Raises:
        TooLittleDisk: The disk filled up while writing.
        ArtifactError: The folder cannot be written for another reason.
    """
    part = target.with_name(f".{target.name}{PART}{os.getpid()}")
    try:
        part.mkdir(parents=True)
        yield part
        part.rename(target)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def clean(target: pathlib.Path) -> None:
    """Remove what an interrupted `build` of `target` left behind; call it under `locked`."""
    for part in target.parent.glob(f".{target.name}{PART}*"):
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def locked(target: pathlib.Path) -> collections.abc.Iterator[None]:
    """Hold the lock of `target`: only one process builds it, the others wait.

    Raises:
        ArtifactError: The parent folder is not writable.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = (target.parent / f".{target.name}.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise _write_error(target, error) from error
    with lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_space(parent: pathlib.Path, needed: int) -> None:
    """Check that the disk of `parent` has `needed` bytes free.

    Raises:
        TooLittleDisk: It has not.
    """
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise errors.TooLittleDisk(
            f"{parent} has {free >> 20} MiB free, the encoder needs {needed >> 20} MiB",
            hint="Free disk space or point the data folder to a larger disk.",
        )


def _write_error(target: pathlib.Path, error: OSError) -> errors.RetrievalError:
    import errno

    if error.errno == errno.ENOSPC:
        return errors.TooLittleDisk(
            f"{target}: the disk is full",
            hint="Free disk space or point the data folder to a larger disk.",
        )
    return errors.ArtifactError(
        f"{target} cannot be written: {error.strerror or error}",
        hint="Make the data folder writable for this user, or choose another one.",
    )
