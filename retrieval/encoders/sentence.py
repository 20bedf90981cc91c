"""The sentence encoder as a torch module: transformer, mean pooling, unit length.

This is what gets exported, and what the parity checks compare with.
"""

import collections.abc
import contextlib
import pathlib

import numpy as np
import safetensors
import tokenizers
import torch
import transformers
from torch import Tensor, nn

from retrieval import errors
from retrieval.encoders import spec

# What transformers raises for a folder that it cannot read.
LOAD_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    TypeError,
    KeyError,
    safetensors.SafetensorError,
)


class SentenceModel(nn.Module):
    """Turns token ids into unit sentence vectors."""

    def __init__(self, transformer: transformers.PreTrainedModel) -> None:
        """Wrap a transformer that gives `last_hidden_state`."""
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the embedding, float (batch, dim), of int64 (batch, length) ids and mask."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        return mean_pool(output.last_hidden_state, attention_mask)


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Average the hidden states under the mask and scale to unit length.

    Args:
        hidden: float (batch, length, dim).
        attention_mask: int64 (batch, length), 1 for a token and 0 for padding.

    Returns:
        float (batch, dim), rows of unit length.
    """
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (batch, length, 1)
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)  # (batch, dim)
    return nn.functional.normalize(mean, dim=-1)


def load_transformer(folder: pathlib.Path) -> transformers.PreTrainedModel:
    """Load the float weights of an encoder folder, in evaluation mode, without a pooler.

    Raises:
        EncoderUnavailable: transformers cannot load the folder.
    """
    try:
        with _quiet():
            model: transformers.PreTrainedModel = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, add_pooling_layer=False
            )
    except LOAD_ERRORS as error:
        raise errors.EncoderUnavailable(
            f"{folder} cannot be loaded: {str(error).splitlines()[0]}",
            hint="The folder must hold config.json and model.safetensors of a BERT-like encoder.",
        ) from error
    model.train(False)
    return model


@contextlib.contextmanager
def _quiet() -> collections.abc.Iterator[None]:
    """Keep transformers' bar and its list of unused weights off the terminal."""
    told = transformers.utils.logging
    enabled, verbosity = told.is_progress_bar_enabled(), told.get_verbosity()
    told.disable_progress_bar()  # type: ignore[no-untyped-call]
    told.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        told.set_verbosity(verbosity)
        if enabled:
            told.enable_progress_bar()  # type: ignore[no-untyped-call]


def embed(
    model: nn.Module, tokenizer: tokenizers.Tokenizer, texts: collections.abc.Sequence[str]
) -> spec.Vectors:
    """Embed `texts` (prefixes included) one by one, in float: slow, exact.

    Returns:
        float32 (len(texts), dim), rows of unit length.
    """
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])  # (1, length)
            rows.append(model(ids, torch.ones_like(ids))[0].numpy())
    return np.stack(rows).astype(np.float32)
