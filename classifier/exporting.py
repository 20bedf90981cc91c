"""A tuned network as files: float weights, and ONNX graphs of which the better one serves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier import model
from classifier import network as networks
from classifier.experts import Known

TOKENIZER_FILES = ("encoder.json", "tokenizer.json", "tokenizer_config.json", "config.json")
WEIGHTS = "network.safetensors"
OUTPUTS = ("logits", "embedding")
CALIBRATION_TEXTS = 40
INT8_MAY_COST = 0.003  # of accuracy on held-out texts, against float weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The graph that serves, and why, in English and Chinese."""

    file: str
    note: tuple[str, str]


def write(net: Any, encoder: Path, folder: Path, tokens: Sequence[Sequence[int]]) -> None:
    """Write `net` into `folder` with all that is needed to serve it.

    Args:
        net: as `network.build` made it; its adapters are merged.
        encoder: the folder that it was made from.
        folder: what is there of an earlier network is replaced.
        tokens: typical texts, which set the ranges for int8.
    """
    from retrieval.encoders import export  # noqa: PLC0415 - loads torch

    for name in TOKENIZER_FILES:
        if (encoder / name).is_file():
            shutil.copy2(encoder / name, folder / name)
    networks.merge(net)
    _save(net, folder)
    some = tokens[:: max(1, len(tokens) // CALIBRATION_TEXTS)]
    export.export_onnx(net, folder, outputs=OUTPUTS, samples=some, keep_float=True)


def chosen(folder: Path, asked: Known, threads: int) -> Choice:
    """Which of the two graphs serves: int8, unless it costs more than `INT8_MAY_COST`.

    Args:
        folder: as `write` left it.
        asked: texts that the network did not learn from.
        threads: to serve with.
    """
    from retrieval.encoders import export, spec  # noqa: PLC0415

    exact, small = (
        _accuracy(model.network(folder, file, threads), asked) for file in (export.FLOAT, spec.INT8)
    )
    enough = small >= exact - INT8_MAY_COST
    note = (
        f"The int8 network is right on {small:.2%} of the held-out texts, the float one on "
        f"{exact:.2%}: {'int8' if enough else 'float'} serves.",
        f"int8 网络在留出集上的准确率为 {small:.2%}，浮点网络为 {exact:.2%}："
        f"采用{'int8' if enough else '浮点'}网络。",
    )
    return Choice(file=spec.INT8 if enough else export.FLOAT, note=note)


def keep_only(served: str, folder: Path) -> None:
    """Delete what a network that will only serve does not need."""
    from retrieval.encoders import export, spec  # noqa: PLC0415

    for file in {export.FLOAT, spec.INT8, WEIGHTS} - {served}:
        (folder / file).unlink()


def _save(net: Any, folder: Path) -> None:
    """The float weights, without the word embeddings, which are those of the encoder."""
    from safetensors.torch import save_file  # noqa: PLC0415

    weights = {
        name: weight.contiguous()
        for name, weight in net.state_dict().items()
        if "word_embeddings" not in name
    }
    save_file(weights, folder / WEIGHTS, metadata={"word_embeddings": "of the encoder"})


def _accuracy(dense: model.Dense, asked: Known) -> float:
    return float((dense(asked.texts)[0].argmax(axis=1) == asked.gold).mean())
