"""The weights of the evidence as a file: fitted for a project, beside its models.

Without the file the weights in `scoring` are used, which were fitted on the demo shop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval import errors
from retrieval.scoring import MANY, ONE, Weights

FILE_NAME = "fusion.json"
HINT = "Delete the file, or make it again with `frontdesk retrieval fit --write`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """What each evidence counts, and for which encoder that was fitted."""

    encoder: str
    many: Weights
    """For answers with many phrasings."""
    one: Weights
    """For answers with a single one."""

    def write(self, folder: Path) -> Path:
        """Write it into `folder`, in one step."""
        path = folder / FILE_NAME
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".writing")
        rows = {"encoder": self.encoder, "many": dict(self.many), "one": dict(self.one)}
        beside.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        beside.replace(path)
        return path


def read(folder: Path, encoder: str) -> Fusion:
    """The weights in `folder` if there are some for `encoder`, else the built-in ones.

    Raises:
        errors.ArtifactError: the file is broken.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return Fusion(encoder=encoder, many=MANY, one=ONE)
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        found = Fusion(encoder=str(row["encoder"]), many=_weights(row["many"]),
                       one=_weights(row["one"]))  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise errors.ArtifactError(f"{path} cannot be read: {cause!r}", hint=HINT) from cause
    return found if found.encoder == encoder else Fusion(encoder=encoder, many=MANY, one=ONE)


def _weights(row: Mapping[str, float]) -> Weights:
    unknown = set(row) ^ set(MANY)
    if unknown or not all(0 <= float(value) < 1000 for value in row.values()):
        raise ValueError(f"wrong weights: {dict(row)}")
    return {name: float(value) for name, value in row.items()}
