"""Encoders that the operator brings: a folder with a Hugging Face model, or a hub id.

Only safetensors weights are accepted (no pickles), and only mean-pooled BERT-like encoders.
"""

import json
import pathlib
import re
import shutil
from typing import Any

from retrieval import errors
from retrieval.encoders import spec

NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
OPTIONAL = ("tokenizer_config.json", "special_tokens_map.json")
MODEL_TYPES = ("bert", "roberta", "xlm-roberta")
PACKAGED = "Packaged choices that need no network: multilingual-e5, minilm-en."
E5_FAMILY = re.compile(r"(^|[/-])e5-")


def copy_folder(source: pathlib.Path, folder: pathlib.Path, name: str) -> None:
    """Copy a Hugging Face folder into `folder` and write its `encoder.json`.

    Args:
        source: The operator's folder.
        folder: Exists and is empty.
        name: The encoder's name, for a folder that brings no `encoder.json`.

    Raises:
        EncoderUnavailable: A needed file is missing, or the architecture or the pooling is not
            supported.
        ArtifactError: The folder's own `encoder.json` is invalid.
    """
    missing = [file for file in NEEDED if not (source / file).is_file()]
    if missing:
        raise errors.EncoderUnavailable(
            f"encoder {source}: {missing[0]} is missing",
            hint=f"It takes {', '.join(NEEDED)}. {PACKAGED}",
        )
    described = _describe(source, name)
    for file in (*NEEDED, *OPTIONAL):
        if (source / file).is_file():
            shutil.copyfile(source / file, folder / file)
    described.write(folder)


def download(hub_id: str) -> pathlib.Path:
    """Fetch a model from the hub, or from its local cache, and return its folder.

    Raises:
        EncoderUnavailable: The hub cannot be reached or has no such model.
    """
    import huggingface_hub

    wanted = [*NEEDED, *OPTIONAL, "1_Pooling/config.json", "config_sentence_transformers.json"]
    try:
        return pathlib.Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=wanted))
    except Exception as error:  # the hub client, its HTTP client and the network each have a tree
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise errors.EncoderUnavailable(
            f"encoder {hub_id}: the model hub did not deliver it: {reason}",
            hint=f"Check the id and the network. {PACKAGED}",
        ) from error


def _describe(source: pathlib.Path, name: str) -> spec.EncoderSpec:
    config = _json(source / "config.json")
    if config.get("model_type") not in MODEL_TYPES:
        raise errors.EncoderUnavailable(
            f"encoder {source}: model_type {config.get('model_type')!r} is not supported",
            hint=f"Supported are {', '.join(MODEL_TYPES)}. {PACKAGED}",
        )
    if (source / spec.FILE_NAME).is_file():
        return spec.read(source)
    pooling = _json(source / "1_Pooling" / "config.json")
    if not pooling.get("pooling_mode_mean_tokens", True):
        raise errors.EncoderUnavailable(
            f"encoder {source}: it does not use mean pooling",
            hint=f"Choose an encoder with mean pooling. {PACKAGED}",
        )
    query, passage = _prefixes(source, name)
    offset = 0 if config["model_type"] == "bert" else 2  # RoBERTa's positions start at 2
    return spec.EncoderSpec(
        name=name,
        dim=int(config["hidden_size"]),
        query_prefix=query,
        passage_prefix=passage,
        max_length=min(512, int(config["max_position_embeddings"]) - offset),
        source=name,
    )


def _prefixes(source: pathlib.Path, name: str) -> tuple[str, str]:
    prompts = _json(source / "config_sentence_transformers.json").get("prompts") or {}
    if prompts.get("query"):
        return prompts["query"], prompts.get("passage") or prompts.get("document") or ""
    return ("query: ", "passage: ") if E5_FAMILY.search(name) else ("", "")


def _json(path: pathlib.Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise errors.EncoderUnavailable(
            f"{path} is not JSON: {error}", hint=f"Repair the folder. {PACKAGED}"
        ) from error
    return value if isinstance(value, dict) else {}
