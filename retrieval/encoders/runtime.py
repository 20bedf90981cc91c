"""Serving: texts → tokens → onnxruntime → vectors.

`OnnxTextModel` runs any exported text model; `Encoder` is the sentence encoder on top of it.
"""

import collections.abc
import pathlib

import numpy as np
import numpy.typing as npt

from retrieval import errors
from retrieval.encoders import cpu, spec, tokenizing
from retrieval.encoders.onnx_quiet import onnxruntime

BATCH = 32  # texts per call of the network, at most
BATCH_TOKENS = 4096  # padded tokens per call, at most: bounds the memory of long texts
Progress = collections.abc.Callable[[int, int], None]  # texts done, texts in all
Floats = npt.NDArray[np.float32]

load_tokenizer = tokenizing.load


class OnnxTextModel:
    """A folder with `tokenizer.json`, `encoder.json` and an ONNX file. Safe in several threads."""

    def __init__(self, folder: pathlib.Path, file: str = spec.INT8, *, threads: int = 1) -> None:
        """Load the tokenizer and the network.

        Args:
            folder: The artefact.
            file: The ONNX file in it; inputs `input_ids` and `attention_mask`.
            threads: CPU threads for one call, at least 1.

        Raises:
            ArtifactError: A file is missing or cannot be loaded.
        """
        self.spec = spec.read(folder)
        self._tokenizer = tokenizing.load(folder, self.spec.max_length)
        self._session = _session(folder / file, threads)
        self.outputs: tuple[str, ...] = tuple(out.name for out in self._session.get_outputs())

    def run(
        self,
        texts: collections.abc.Sequence[str],
        prefix: str = "",
        on_progress: Progress | None = None,
    ) -> dict[str, Floats]:
        """Run the network over `texts`.

        Args:
            texts: Any number, any length; each is cut at the model's maximum length.
            prefix: Put before every text.
            on_progress: Told after each batch how many texts are done, of how many.

        Returns:
            Per output name a float32 array (len(texts), ...), in the order of `texts`.
        """
        if not texts:
            return {name: rows[:0] for name, rows in self.run([""]).items()}
        whole = [prefix + tokenizing.valid(text) for text in texts]
        return self._run([e.ids for e in self._tokenizer.encode_batch(whole)], on_progress)

    def run_pairs(self, pairs: collections.abc.Sequence[tuple[str, str]]) -> dict[str, Floats]:
        """Run the network over pairs of texts, each pair as one; per output (len(pairs), ...)."""
        if not pairs:
            return {name: rows[:0] for name, rows in self.run_pairs([("", "")]).items()}
        whole = [(tokenizing.valid(left), tokenizing.valid(right)) for left, right in pairs]
        return self._run([e.ids for e in self._tokenizer.encode_batch(whole)], None)

    def _run(self, ids: list[list[int]], on_progress: Progress | None) -> dict[str, Floats]:
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # batches of like length
        pieces: list[list[Floats]] = []
        done = 0
        while done < len(order):
            batch = _next_batch(ids, order, done)
            pieces.append(self._forward(batch))
            done += len(batch)
            if on_progress:
                on_progress(done, len(order))
        back = np.argsort(order)
        columns = (np.concatenate(parts)[back] for parts in zip(*pieces, strict=True))
        return dict(zip(self.outputs, columns, strict=True))

    def token_count(self, text: str, prefix: str = "") -> int:
        """Return how many tokens the model sees of `text`, special tokens included."""
        return len(self._tokenizer.encode(prefix + tokenizing.valid(text)).ids)

    def _forward(self, batch: list[list[int]]) -> list[Floats]:
        length = max(map(len, batch))
        ids = np.zeros((len(batch), length), np.int64)
        mask = np.zeros((len(batch), length), np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return list(self._session.run(None, {"input_ids": ids, "attention_mask": mask}))


class Encoder:
    """A sentence encoder: texts in, unit vectors out. Safe in several threads."""

    def __init__(self, folder: pathlib.Path, *, threads: int = 1) -> None:
        """Load an encoder folder that `catalogue.prepare` gave.

        Raises:
            ArtifactError: A file is missing or cannot be loaded.
        """
        self._model = OnnxTextModel(folder, threads=threads)
        self.spec = self._model.spec

    def encode(
        self,
        texts: collections.abc.Sequence[str],
        side: spec.Side = spec.Side.QUERY,
        on_progress: Progress | None = None,
    ) -> spec.Vectors:
        """Embed `texts`.

        Returns:
            float32 (len(texts), spec.dim), rows of unit length, in the order of `texts`.
        """
        return self._model.run(texts, self.spec.prefix(side), on_progress)["embedding"]


def _next_batch(ids: list[list[int]], order: list[int], done: int) -> list[list[int]]:
    """Take the next texts, shortest first, within both limits; at least one."""
    batch: list[list[int]] = []
    for index in order[done : done + BATCH]:
        if batch and (len(batch) + 1) * len(ids[index]) > BATCH_TOKENS:
            break
        batch.append(ids[index])
    return batch


def _session(path: pathlib.Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena never gives memory back: 900 MB more after one batch of long texts, and no faster.
    options.enable_cpu_mem_arena = False
    # Spinning saves nothing with one thread and under 1 ms with two, at the cost of a busy core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if cpu.saturates():
        # onnxruntime then computes in u8 x u8, a fifth slower but right.
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors have no public base class
        raise errors.ArtifactError(f"{path} cannot be loaded: {error}", hint=spec.HINT) from error
