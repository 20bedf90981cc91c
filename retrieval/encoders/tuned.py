"""Encoders that were fine-tuned here: folders beside the original, and a pointer to the one in use.

`<models>/encoders/<original>.current` names the folder that serves in its place; without that file
the original serves.
"""

import datetime
import os
import pathlib
import shutil
from typing import TYPE_CHECKING

from retrieval import errors
from retrieval.encoders import manifest, spec

if TYPE_CHECKING:
    from retrieval.encoders import sentence

MARK = "-tuned-"  # between the name of the original and the time
POINTER = ".current"
KEPT = 2  # tuned folders of an encoder; older ones are deleted, the one in use never is
COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def current(original: pathlib.Path) -> pathlib.Path | None:
    """The folder that serves instead of `original`; None when that one does itself."""
    try:
        name = _pointer(original).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = original.parent / pathlib.PurePath(name).name
    return folder if name.startswith(original.name + MARK) and folder.is_dir() else None


def promotions(models_dir: pathlib.Path) -> tuple[str, ...]:
    """Names of all folders that serve instead of their originals; cheap, for polling."""
    found = sorted((models_dir / "encoders").glob(f"*{POINTER}"))
    return tuple(path.read_text(encoding="utf-8").strip() for path in found)


def original_name(name: str) -> str:
    """The name of the encoder that `name` was tuned from; `name` itself for an original."""
    return name.partition(MARK)[0]


def save(model: "sentence.SentenceModel", original: pathlib.Path, **facts: str) -> pathlib.Path:
    """Write a tuned model beside `original` as a sealed folder that can be served; not promoted.

    Args:
        model: on the CPU, made from `original`.
        original: the encoder's own folder.
        facts: what to record in the manifest: data, figures, recipe.

    Raises:
        TooLittleDisk: the disk is too full.
        ArtifactError: the folder cannot be written.
    """
    import dataclasses

    from safetensors.torch import save_file

    from retrieval.encoders import catalogue, export

    now = datetime.datetime.now(datetime.UTC)
    target = original.with_name(f"{original.name}{MARK}{now:%Y%m%dT%H%M%S}")
    manifest.require_space(target.parent, catalogue.SPACE)
    with manifest.locked(target), manifest.build(target) as folder:
        for name in COPIED:
            if (original / name).is_file():
                shutil.copyfile(original / name, folder / name)
        about = spec.read(original)
        dataclasses.replace(about, name=target.name).write(folder)
        weights = {name: w.contiguous() for name, w in model.transformer.state_dict().items()}
        save_file(weights, folder / spec.WEIGHTS, {"format": "pt"})
        export.export_onnx(model, folder)
        manifest.seal(folder, choice=original.name, **facts)
    return target


def promote(original: pathlib.Path, folder: pathlib.Path | None) -> None:
    """Let `folder` serve instead of `original`, or with None the original again.

    Survives a crash at any point; a running server notices within a second.

    Raises:
        ArtifactError: the folder was changed, or the pointer cannot be written.
    """
    pointer = _pointer(original)
    try:
        if folder is None:
            pointer.unlink(missing_ok=True)
            return
        manifest.verify(folder)
        beside = pointer.with_name(f".{pointer.name}.{os.getpid()}")
        beside.write_text(folder.name + "\n", encoding="utf-8")
        beside.replace(pointer)
    except OSError as error:
        raise errors.ArtifactError(
            f"{pointer} cannot be written: {error.strerror or error}",
            hint="Make the data folder writable for this user, or choose another one.",
        ) from error
    _clear(original, folder)


def _clear(original: pathlib.Path, used: pathlib.Path) -> None:
    folders = sorted(p for p in original.parent.glob(f"{original.name}{MARK}*") if p.is_dir())
    for folder in folders[:-KEPT]:
        if folder != used:
            shutil.rmtree(folder, ignore_errors=True)


def _pointer(original: pathlib.Path) -> pathlib.Path:
    return original.with_name(original.name + POINTER)
