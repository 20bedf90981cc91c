"""torch module → ONNX graph with int8 weights, ready for `runtime.OnnxTextModel`.

The module takes `input_ids` and `attention_mask`; torch is imported inside the functions.
"""

import collections.abc
import contextlib
import pathlib
import warnings
from typing import TYPE_CHECKING

from retrieval.encoders import spec

if TYPE_CHECKING:
    from torch import nn

FLOAT = "model.float.onnx"
INPUTS = ("input_ids", "attention_mask")
OPSET = 17

Samples = collections.abc.Sequence[collections.abc.Sequence[int]]


def export_onnx(
    module: "nn.Module",
    folder: pathlib.Path,
    *,
    outputs: collections.abc.Sequence[str] = ("embedding",),
    samples: Samples | None = None,
    keep_float: bool = False,
) -> pathlib.Path:
    """Export `module` to `folder` and quantise its weights.

    Args:
        module: On the CPU; takes int64 (batch, length) `input_ids` and `attention_mask`; gives a
            float tensor (batch, size), or a tuple of them in the order of `outputs`.
        folder: Where `model.int8.onnx` goes; holds `tokenizer.json` and `encoder.json`.
        outputs: The names of the graph's outputs.
        samples: Token ids of typical texts, which set the ranges for int8; some built-in
            questions in the folder's own tokens by default. Twenty are enough.
        keep_float: Keep `model.float.onnx` too (float weights, int8 word embedding).

    Returns:
        The path of the int8 model.
    """
    from retrieval.encoders import quantize
    from retrieval.encoders import samples as builtin

    plain = folder / FLOAT
    to_onnx(module, plain, outputs=outputs, samples=samples or builtin.token_ids(folder))
    quantize.to_int8(plain, folder / spec.INT8)
    if not keep_float:
        plain.unlink()
    return folder / spec.INT8


def to_onnx(
    module: "nn.Module",
    path: pathlib.Path,
    *,
    outputs: collections.abc.Sequence[str],
    samples: Samples = (),
) -> None:
    """Export `module` to `path` with dynamic batch and length, prepared for `quantize`.

    Self-attention is fused, the word embedding becomes int8, and outlier channels that `samples`
    show are smoothed; otherwise the graph computes what the module does. The module is as before
    afterwards.
    """
    from retrieval.encoders import fused_attention, int8_embedding, smooth, swap

    was_training = module.training
    module.eval()
    try:
        with _eager(module), swap.swapped(module, fused_attention.stand_in):
            peaks = smooth.observe(module, samples)
            with (
                swap.swapped(module, smooth.rule(peaks)),
                swap.swapped(module, int8_embedding.stand_in),
            ):
                _trace(module, path, outputs)
    finally:
        module.train(was_training)


def _trace(module: "nn.Module", path: pathlib.Path, outputs: collections.abc.Sequence[str]) -> None:
    import torch

    ids = torch.full((2, 7), 5)  # (batch, length): values do not matter, padding does
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0  # a mask of ones only would be optimised away while tracing
    axes = {name: {0: "batch", 1: "length"} for name in INPUTS}
    with _known_noise(), torch.no_grad():
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


@contextlib.contextmanager
def _eager(module: "nn.Module") -> collections.abc.Iterator[None]:
    """Plain attention while tracing: its mask is the additive one that the fused form takes."""
    import transformers

    found = [m for m in module.modules() if isinstance(m, transformers.PreTrainedModel)]
    before = [m.config._attn_implementation for m in found]
    for model in found:
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        for model, name in zip(found, before, strict=True):
            model.set_attn_implementation(name or "eager")


@contextlib.contextmanager
def _known_noise() -> collections.abc.Iterator[None]:
    """Silence what the tracing exporter always says about this kind of graph."""
    from torch.jit._trace import TracerWarning

    with warnings.catch_warnings():
        # dynamo=False is chosen on purpose, see above.
        warnings.filterwarnings("ignore", "You are using the legacy", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning)
        # Branches on shapes that come out the same for every input with a padding mask.
        warnings.filterwarnings("ignore", category=TracerWarning)
        # Indices of the mask are never negative.
        warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
        yield
