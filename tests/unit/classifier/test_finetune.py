"""Real fine-tuning of the real encoder on a few examples: it learns, and what is served agrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bot.knowledge.model import Knowledge
from classifier import artifact, finetune, head, model, train
from classifier.dataset import LabelledText
from classifier.finetune import Recipe
from classifier.train import Method, Plan
from retrieval.encoders import runtime, spec, tokenizing
from retrieval.encoders.runtime import Encoder

INTENTS = ("greet", "thanks", "track_parcel", "refund_status", "login_problem", "gift_card")
EACH = 12
ASKED = [
    ("hello, good day", "greet"),
    ("thank you very much", "thanks"),
    ("where is my package right now", "track_parcel"),
    ("退款到账了吗", "refund_status"),
    ("密码忘了登录不上", "login_problem"),
    ("can I buy a gift card", "gift_card"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A sealed folder of a fine-tuned network, and what was said on the way."""

    folder: Path
    manifest: artifact.Manifest
    steps: list[tuple[str, float]]


def some_examples(knowledge: Knowledge) -> tuple[LabelledText, ...]:
    """`EACH` examples of each of `INTENTS`, half of them Chinese."""
    found: list[LabelledText] = []
    for intent in INTENTS:
        texts = [e for e in knowledge.examples if e.intent == intent]
        chinese = [e for e in texts if any("\u4e00" <= char <= "\u9fff" for char in e.text)]
        english = [e for e in texts if e not in chinese]
        found += [*chinese[: EACH // 2], *english[: EACH // 2]]
    return tuple(found)


@pytest.fixture(scope="module")
def tuned(
    starter: Knowledge,
    encoder_folder: Path,
    encoder: Encoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Tuned:
    """The network after one epoch over 6 intents x 12 examples."""
    folder = tmp_path_factory.mktemp("tuned") / "full"
    steps: list[tuple[str, float]] = []
    plan = Plan(
        method=Method.FULL,
        encoder_folder=encoder_folder,
        encoder_id=encoder_folder.name,
        examples=some_examples(starter),
        holdout=0.25,
        recipe=Recipe(epochs=1, batch_size=12),
    )
    with artifact.new_folder(folder) as building:
        done = train.train(
            plan, building, encoder, on_progress=lambda step, share: steps.append((step, share))
        )
        artifact.seal(building, done.manifest)
    return Tuned(folder=folder, manifest=artifact.read(folder), steps=steps)


def test_it_is_far_better_than_chance_on_what_it_did_not_see(tuned: Tuned) -> None:
    assert tuned.manifest.labels == tuple(sorted(INTENTS))
    assert tuned.manifest.metrics["examples"] >= 12
    assert tuned.manifest.metrics["accuracy"] > 0.6  # chance is one in six


def test_the_served_network_understands(tuned: Tuned, encoder: Encoder) -> None:
    classifier = model.load(tuned.folder, encoder)
    assert classifier.model_id.startswith("full-")
    said = [p.top.name for p in classifier.predict([text for text, _ in ASKED])]
    assert sum(name == intent for name, (_, intent) in zip(said, ASKED, strict=True)) >= 5


def test_progress_is_told_from_nothing_to_all(tuned: Tuned) -> None:
    shares = [share for step, share in tuned.steps if step.startswith("fine-tuning")]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert tuned.steps[0][1] == 0.0


def test_the_recipe_is_written_down(tuned: Tuned) -> None:
    arguments = tuned.manifest.arguments
    assert (arguments["epochs"], arguments["batch_size"], arguments["examples"]) == (1, 12, 72)


def some_head(dim: int) -> head.LinearHead:
    chance = np.random.default_rng(1)
    weight = chance.normal(size=(len(INTENTS), dim)).astype(np.float32) * 20
    return head.LinearHead(weight=weight, bias=np.zeros(len(INTENTS), np.float32))


def torch_logits(network: Any, tokens: list[list[int]]) -> NDArray[np.float32]:  # noqa: ANN401 - untyped parts
    with torch.inference_mode():
        rows = [network(*finetune.pad([row]))[0].numpy() for row in tokens]
    return np.concatenate(rows)


def test_the_exported_network_gives_the_logits_of_torch(
    encoder_folder: Path, tuned: Tuned, tmp_path: Path, starter: Knowledge
) -> None:
    from retrieval.encoders import export

    network = finetune.build(encoder_folder, some_head(spec.read(encoder_folder).dim))
    network.eval()
    for name in train.TOKENIZER_FILES:
        if (tuned.folder / name).is_file():
            (tmp_path / name).write_bytes((tuned.folder / name).read_bytes())
    export.export_onnx(network, tmp_path, outputs=("logits", "embedding"))
    about = spec.read(tmp_path)
    texts = [e.text for e in some_examples(starter)][::3]
    tokenizer = tokenizing.load(tmp_path, about.max_length)
    tokens = [tokenizer.encode(about.query_prefix + text).ids for text in texts]
    wanted = torch_logits(network, tokens)  # (n, 6)
    served = runtime.OnnxTextModel(tmp_path).run(texts, about.query_prefix)["logits"]
    spread = wanted.std()
    assert np.abs(served - wanted).mean() < 0.1 * spread  # int8 against float
    top_two = np.sort(wanted, axis=1)[:, -2:]
    clear = top_two[:, 1] - top_two[:, 0] > 0.3 * spread
    assert clear.sum() >= 12
    assert (served.argmax(1) == wanted.argmax(1))[clear].all()


def test_padding_does_not_change_a_row() -> None:
    ids, mask = finetune.pad([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
