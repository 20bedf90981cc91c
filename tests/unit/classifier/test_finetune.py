"""Real fine-tuning of the real encoder on a few examples: it learns, and what is served agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bot.knowledge.model import Knowledge
from classifier import artifact, dataset, finetune, head, label_names, model, network, train
from classifier.dataset import LabelledText
from classifier.finetune import Lessons, Surroundings
from classifier.methods import Method, Recipe
from classifier.objectives import Labels
from classifier.plan import Around, Plan
from retrieval.encoders import runtime, spec, tokenizing
from retrieval.encoders.runtime import Encoder

Network = Any  # a torch module made of untyped parts
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
def plan(starter: Knowledge, encoder_folder: Path) -> Plan:
    """One epoch over 6 intents x 12 examples."""
    return Plan(
        method=Method.FULL,
        encoder_folder=encoder_folder,
        encoder_id=encoder_folder.name,
        examples=some_examples(starter),
        holdout=0.25,
        recipe=Recipe(epochs=1, batch_size=12),
    )


@pytest.fixture(scope="module")
def tuned(plan: Plan, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """The network after the training of `plan`."""
    folder = tmp_path_factory.mktemp("tuned") / "full"
    steps: list[tuple[str, float]] = []
    with artifact.new_folder(folder) as building:
        around = Around(on_progress=lambda step, share: steps.append((step, share)))
        done = train.train(plan, building, encoder, around)
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


def test_int8_serves_unless_it_is_worse(tuned: Tuned) -> None:
    assert tuned.manifest.network in ("model.int8.onnx", "model.float.onnx")
    files = {path.name for path in tuned.folder.glob("*.onnx")}
    assert tuned.manifest.network in files
    if tuned.manifest.network == "model.int8.onnx":
        assert files == {"model.int8.onnx"}  # the float one is kept only if asked for


def test_the_recipe_is_written_down(tuned: Tuned) -> None:
    arguments = tuned.manifest.arguments
    assert (arguments["epochs"], arguments["batch_size"], arguments["examples"]) == (1, 12, 72)


@pytest.mark.parametrize("refit", [False, True])
def test_the_texts_that_measured_it_are_learned_if_asked_for(
    plan: Plan, encoder: Encoder, tmp_path: Path, refit: bool
) -> None:
    """A phrase that only they know is a gift card afterwards, and else nobody's."""
    phrases = ["flurb the grommet", "please flurb a grommet", "flurb grommet", "can you flurb it"]
    new = [LabelledText(text=text, intent="gift_card") for text in phrases]
    old = [LabelledText(text=text, intent=intent) for text, intent in ASKED]
    measured = replace(plan, valid=(*new, *old), refit=refit, recipe=replace(plan.recipe, epochs=4))
    with artifact.new_folder(tmp_path / "model") as building:
        done = train.train(measured, building, encoder, Around(on_progress=lambda _s, _d: None))
        artifact.seal(building, done.manifest)
    assert done.manifest.metrics["examples"] == len(phrases) + len(ASKED)
    assert done.manifest.metrics["accuracy"] < 1  # of the first network, which had not seen them
    everything = (*plan.examples, *measured.valid) if refit else plan.examples
    assert done.manifest.data_hash == dataset.fingerprint(everything)
    said = model.load(tmp_path / "model", encoder).predict(phrases)
    assert all(p.top.name == "gift_card" for p in said) == refit


def tuned_again(plan: Plan, encoder: Encoder) -> Network:
    """The same training once more, in torch alone: the network before its export."""
    parts = dataset.split(plan.examples, holdout=plan.holdout, seed=plan.seed)
    place = {label: i for i, label in enumerate(sorted(INTENTS))}
    gold = np.array([place[e.intent] for e in parts.train], np.int64)  # (n,)
    vectors = dict(zip(plan.examples, encoder.encode([e.text for e in plan.examples]), strict=True))
    hints = label_names.hints(sorted(INTENTS), gold, encoder)
    known = np.stack([vectors[e] for e in parts.train])
    first = head.fit(*hints.beside(known, gold), len(INTENTS))
    tuned = network.build(plan.encoder_folder, first)
    texts, gold = hints.after([e.text for e in parts.train], gold)
    tokens = token_ids(plan.encoder_folder, texts)
    around = Surroundings(on_progress=lambda _step, _share: None)
    lessons = Lessons(tokens=tokens, gold=gold)
    finetune.tune(tuned, Labels(lessons, len(INTENTS), plan.recipe), plan.recipe, around)
    return tuned


def token_ids(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    about = spec.read(folder)
    tokenizer = tokenizing.load(folder, about.max_length)
    return [tokenizer.encode(about.query_prefix + text).ids for text in texts]


def torch_logits(tuned: Network, tokens: list[list[int]]) -> NDArray[np.float32]:
    with torch.inference_mode():
        rows = [tuned(*network.pad([row]))[0].numpy() for row in tokens]
    return np.concatenate(rows)


def test_the_served_network_gives_the_logits_of_torch(
    plan: Plan, tuned: Tuned, encoder: Encoder
) -> None:
    texts = [e.text for e in plan.examples][::2]
    wanted = torch_logits(tuned_again(plan, encoder), token_ids(tuned.folder, texts))  # (n, 6)
    # Which of the two graphs serves is decided on held-out texts, so by the processor's rounding.
    onnx = runtime.OnnxTextModel(tuned.folder, tuned.manifest.network)
    served = onnx.run(texts, onnx.spec.query_prefix)["logits"]  # (n, 6)
    spread = wanted.std()
    assert np.abs(served - wanted).mean() < 0.1 * spread  # int8, if it serves, against float
    top_two = np.sort(wanted, axis=1)[:, -2:]
    clear = top_two[:, 1] - top_two[:, 0] > 0.3 * spread
    assert clear.sum() >= 24
    assert (served.argmax(1) == wanted.argmax(1))[clear].all()


def test_padding_does_not_change_a_row() -> None:
    ids, mask = network.pad([[5, 6, 7], [8]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
