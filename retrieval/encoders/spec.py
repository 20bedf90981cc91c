"""How an encoder wants its texts: the description that travels with the weights.

`encoder.json` lies beside the weights, so training, export and serving preprocess alike.
"""

import dataclasses
import enum
import json
import pathlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval import errors

Vectors: TypeAlias = npt.NDArray[np.float32]  # float32 (n, dim), rows unit length

FILE_NAME = "encoder.json"
SHORTEST = 3  # tokens: one between the two special ones
WEIGHTS = "model.safetensors"  # float weights, for training and export
INT8 = "model.int8.onnx"  # what is served
HINT = "Delete the folder; it is built again at the next start."


class Side(enum.StrEnum):
    """Which side of the search a text is on; some encoders prefix the two differently."""

    QUERY = "query"
    PASSAGE = "passage"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """Preprocessing and origin of one sentence encoder."""

    name: str  # folder and log name, e.g. "multilingual-e5"
    dim: int  # length of a vector
    query_prefix: str  # put before a visitor's question
    passage_prefix: str  # put before stored questions and answers
    max_length: int  # tokens, special tokens included; longer texts are cut
    pooling: str = "mean"  # over the tokens that the attention mask keeps
    normalize: bool = True  # vectors have unit length
    licence: str = "unknown"  # of the weights
    source: str = "unknown"  # where the weights came from

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArtifactError: A field is empty, out of range or not supported.
        """
        if not self.name or self.dim < 1 or self.max_length < SHORTEST:
            raise errors.ArtifactError(
                f"encoder.json: name {self.name!r}, dim {self.dim} or max_length "
                f"{self.max_length} is out of range",
                hint=HINT,
            )
        if self.pooling != "mean" or not self.normalize:
            raise errors.ArtifactError(
                f"encoder.json: pooling {self.pooling!r}, normalize {self.normalize} is not "
                "supported",
                hint="Choose an encoder that uses mean pooling and unit vectors.",
            )

    def prefix(self, side: Side) -> str:
        """Return what to put before a text of `side`."""
        return self.query_prefix if side is Side.QUERY else self.passage_prefix

    def write(self, folder: pathlib.Path) -> None:
        """Write `encoder.json` into `folder`."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read(folder: pathlib.Path) -> EncoderSpec:
    """Read `encoder.json` from `folder`.

    Raises:
        ArtifactError: The file is missing, not JSON, or a field is missing, unknown or of a
            wrong type.
    """
    path = folder / FILE_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise errors.ArtifactError(f"{path} cannot be read: {error}", hint=HINT) from error
    return _from_json(raw, path)


def _from_json(raw: object, path: pathlib.Path) -> EncoderSpec:
    types = {field.name: field.type for field in dataclasses.fields(EncoderSpec)}
    if not isinstance(raw, dict) or not set(raw) <= set(types):
        raise errors.ArtifactError(f"{path} has unknown fields or is not an object", hint=HINT)
    for name, value in raw.items():
        if type(value) is not types[name]:
            raise errors.ArtifactError(f"{path}: {name} is {value!r}", hint=HINT)
    try:
        return EncoderSpec(**raw)
    except TypeError as error:
        raise errors.ArtifactError(f"{path}: {error}", hint=HINT) from error
