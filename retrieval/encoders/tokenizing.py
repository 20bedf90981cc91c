"""Loads a folder's tokenizer, once per process however many models share it.

multilingual-e5's vocabulary takes about 280 MB in memory; an encoder and a classifier made from
it have the same `tokenizer.json`, so the second one costs nothing.
"""

import hashlib
import pathlib
import threading
import weakref

import tokenizers

from retrieval import errors
from retrieval.encoders import spec

FILE_NAME = "tokenizer.json"

_loaded: weakref.WeakValueDictionary[tuple[str, int], tokenizers.Tokenizer] = (
    weakref.WeakValueDictionary()
)
_lock = threading.Lock()


def load(folder: pathlib.Path, max_length: int) -> tokenizers.Tokenizer:
    """Load `tokenizer.json` of `folder`; it cuts at `max_length` tokens and does not pad.

    The tokenizer may be shared: do not change it.

    Raises:
        ArtifactError: The file is missing or damaged.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
        with _lock:
            key = (hashlib.sha256(content).hexdigest(), max_length)
            tokenizer = _loaded.get(key) or _parse(content, max_length)
            _loaded[key] = tokenizer
            return tokenizer
    except Exception as error:  # the library raises bare Exception
        raise errors.ArtifactError(f"{path} cannot be loaded: {error}", hint=spec.HINT) from error


def _parse(content: bytes, max_length: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer.from_buffer(content)
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer


def valid(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 tokenizer takes, by question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
