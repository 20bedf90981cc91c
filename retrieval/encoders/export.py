"""torch module → ONNX graph with int8 weights, ready for `runtime.OnnxTextModel`.

The module takes `input_ids` and `attention_mask`; torch is imported inside the functions.
"""

import collections.abc
import contextlib
import pathlib
import warnings
from typing import TYPE_CHECKING

from retrieval.encoders import quantize

if TYPE_CHECKING:
    from torch import nn

INT8 = "model.int8.onnx"
FLOAT = "model.float.onnx"
INPUTS = ("input_ids", "attention_mask")
OPSET = 17
LARGE = 10_000  # an embedding with this many rows is the word embedding: stored as int8


def export_onnx(
    module: "nn.Module",
    folder: pathlib.Path,
    *,
    outputs: collections.abc.Sequence[str] = ("embedding",),
    keep_float: bool = False,
) -> pathlib.Path:
    """Export `module` to `folder` and quantise its weights.

    Args:
        module: Takes int64 (batch, length) `input_ids` and `attention_mask`; gives a float tensor
            (batch, size) per output: a tensor, or a tuple in the order of `outputs`.
        folder: Where `model.int8.onnx` goes; it exists.
        outputs: The names of the graph's outputs.
        keep_float: Keep `model.float.onnx` too (float weights, int8 word embedding).

    Returns:
        The path of the int8 model.
    """
    plain = folder / FLOAT
    to_onnx(module, plain, outputs=outputs)
    quantize.to_int8(plain, folder / INT8)
    if not keep_float:
        plain.unlink()
    return folder / INT8


def to_onnx(
    module: "nn.Module", path: pathlib.Path, *, outputs: collections.abc.Sequence[str]
) -> None:
    """Export `module` to `path` with dynamic batch and length; the word embedding becomes int8.

    The module's mode, attention and embeddings are as before afterwards.
    """
    import torch

    ids = torch.full((2, 7), 5)  # (batch, length): values do not matter, padding does
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0  # a mask of ones only would be optimised away while tracing
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS}
    was_training = module.training
    module.eval()
    try:
        with _eager(module), _small_embeddings(module), _known_noise(), torch.no_grad():
            torch.onnx.export(
                module,
                (ids, mask),
                str(path),
                dynamo=False,  # the newer exporter needs onnxscript; this graph does not
                opset_version=OPSET,
                input_names=list(INPUTS),
                output_names=list(outputs),
                dynamic_axes=axes | {name: {0: "batch"} for name in outputs},
            )
    finally:
        module.train(was_training)


@contextlib.contextmanager
def _eager(module: "nn.Module") -> collections.abc.Iterator[None]:
    """Plain attention while tracing: fewer nodes, and the shape onnxruntime fuses best."""
    import transformers

    found = [m for m in module.modules() if isinstance(m, transformers.PreTrainedModel)]
    before = [m.config._attn_implementation for m in found]
    for model in found:
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        for model, name in zip(found, before, strict=True):
            model.set_attn_implementation(name)


@contextlib.contextmanager
def _small_embeddings(module: "nn.Module") -> collections.abc.Iterator[None]:
    """Swap large embeddings for int8 ones while exporting: 96 MB instead of 384 MB for e5."""
    from torch import nn

    from retrieval.encoders import int8_embedding

    swapped = []
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Embedding) and child.num_embeddings >= LARGE:
                setattr(parent, name, int8_embedding.Int8Embedding(child))
                swapped.append((parent, name, child))
    try:
        yield
    finally:
        for parent, name, child in swapped:
            setattr(parent, name, child)


@contextlib.contextmanager
def _known_noise() -> collections.abc.Iterator[None]:
    """Silence what the tracing exporter always says about this kind of graph."""
    import torch

    with warnings.catch_warnings():
        # dynamo=False is chosen on purpose, see above.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        # Branches on shapes that are the same for every input with a padding mask.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        # Indices of the mask are never negative.
        warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
        yield
