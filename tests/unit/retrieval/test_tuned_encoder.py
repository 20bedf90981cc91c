"""A real encoder is fine-tuned, saved, promoted and taken back; a real reranker is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from retrieval import errors, reranking
from retrieval.encoders import catalogue, manifest, sentence, tuned
from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Side
from retrieval.reranking import Reranker
from retrieval.training import cross, intents, learning, material, tuning
from retrieval.training.learning import Recipe
from retrieval.training.material import Material, Text
from retrieval.training.tuning import Exam, Tokenizer

WORDS = ("order", "refund", "voucher", "invoice", "lamp", "sofa", "address", "password", "parcel")
FORMS = ("Where is my {}?", "I have a question on the {}", "{} please", "what about the {} then")
RECIPE = Recipe(epochs=1, batch_size=8, max_steps=3, learning_rate=2e-4, warmup=0.0)


def quiet(_step: str, _share: float) -> None:
    pass


def texts() -> Material:
    """36 groups: a word with a number in four forms, and an answer."""
    names = [f"{word} {number}" for word in WORDS for number in ("one", "two", "three", "four")]
    return Material(
        tuple(
            (
                *(Text(form.format(name), Side.QUERY) for form in FORMS),
                Text(f"It is about the {name}.", Side.PASSAGE),
            )
            for name in names
        )
    )


@pytest.fixture(scope="module")
def minilm(encoders: Path) -> Path:
    return catalogue.prepare("minilm-en", encoders, quiet)


@pytest.fixture
def original(tmp_path: Path, minilm: Path) -> Path:
    """The encoder in a folder beside which a test may write."""
    folder = tmp_path / "models" / "encoders" / minilm.name
    folder.mkdir(parents=True)
    for path in minilm.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def lessons() -> tuple[Material, list[Exam]]:
    learned, asked = material.held_out(texts(), 0.9, 1)
    return learned, [tuning.exam("held out", learned, asked)]


def test_a_tuned_encoder_serves_until_it_is_taken_back(
    original: Path, lessons: tuple[Material, list[Exam]]
) -> None:
    learned, exams = lessons
    model = sentence.SentenceModel(sentence.load_transformer(original))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    found = tuning.tune(model, Tokenizer(original), learned, exams, RECIPE, quiet)
    assert found.steps == 3
    assert found.point in (0.0, *tuning.POINTS)
    assert tuning.score(found.after) >= tuning.score(found.before)
    frozen = "transformer.encoder.layer.0.attention.self.query.weight"
    assert model.get_parameter(frozen).equal(before[frozen])
    moved = "transformer.encoder.layer.5.output.dense.weight"
    assert model.get_parameter(moved).equal(before[moved]) is (found.point == 0)

    assert tuned.current(original) is None
    folder = tuned.save(model, original, learned="[]")
    assert tuned.current(original) is None
    models = original.parent.parent
    assert catalogue.serving_name("minilm-en", models) == "minilm-en"
    tuned.promote(original, folder)
    assert tuned.current(original) == folder
    assert catalogue.serving("minilm-en", models, quiet) == folder
    assert tuned.promotions(models) == (folder.name,)
    assert tuned.original_name(folder.name) == "minilm-en"

    query = [Text("where is my lamp two?", Side.QUERY)]
    exact = learning.embed(model, Tokenizer(folder)(query))
    served = Encoder(folder).encode([query[0].text])
    assert float((exact * served).sum()) > 0.97  # 16 bits there, 8 bits here
    tuned.promote(original, None)
    assert catalogue.serving("minilm-en", models, quiet) == original
    assert tuned.promotions(models) == ()


def test_the_weights_between_two_states_are_on_the_line(original: Path) -> None:
    model = sentence.SentenceModel(sentence.load_transformer(original))
    name = "transformer.encoder.layer.5.output.dense.weight"
    old = {n: w.detach().clone() for n, w in tuning._learned(model).items()}
    new = {n: w + 1 for n, w in old.items()}
    tuning.move(model, old, new, 0.25)
    weight = model.get_parameter(name).detach()
    assert np.allclose(weight.numpy(), old[name].numpy() + 0.25, atol=1e-6)


def test_intents_are_a_second_task_with_weights_of_its_own(original: Path) -> None:
    model = sentence.SentenceModel(sentence.load_transformer(original))
    tokenizer = Tokenizer(original)
    examples = [(f"{form} {word}", word) for word in WORDS for form in ("my", "the", "a")]
    whole = intents.material_of(examples)
    assert [len(group) for group in whole.groups] == [3] * len(WORDS)
    rows = [text for group in whole.groups for text in group]
    gold = [place for place, group in enumerate(whole.groups) for _ in group]
    beside = intents.Intents(tokenizer(rows), gold, 384)
    head = beside.parameters()[0]
    before = head.detach().clone()
    what = tuning.lessons_of(model, tokenizer, texts(), RECIPE, quiet)
    assert learning.tune(model, what, RECIPE, quiet, beside) == 3
    assert not head.equal(before)


def test_a_damaged_folder_is_not_promoted(original: Path, minilm: Path) -> None:
    folder = original.with_name(f"{original.name}{tuned.MARK}20260101T000000")
    shutil.copytree(minilm, folder)
    (folder / "encoder.json").write_text("{}", encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match=r"encoder\.json"):
        tuned.promote(original, folder)
    assert tuned.current(original) is None


@pytest.mark.parametrize("pointer", ["", "../../etc\n", "no-such-folder\n", "minilm-en\n"])
def test_a_pointer_to_nothing_leaves_the_original(original: Path, pointer: str) -> None:
    original.with_name("minilm-en.current").write_text(pointer, encoding="utf-8")
    assert tuned.current(original) is None


def test_a_reranker_reads_pairs_and_is_refused_when_it_was_changed(
    original: Path, tmp_path: Path, lessons: tuple[Material, list[Exam]]
) -> None:
    learned, exams = lessons
    recipe = cross.CrossRecipe(layers=2, max_steps=2, batch_size=4)
    network = cross.train(original, learned, recipe, quiet)
    folder = tmp_path / "reranker"
    folder.mkdir()
    cross.save(network, original, folder)
    found = cross.measure(cross.Scorer(folder, 1), Encoder(original), exams)
    assert found.weight in cross.WEIGHTS
    assert found.questions == len(exams[0].asked) // 2
    cross.seal(folder, found, original.name)
    reranker = Reranker(folder)
    assert reranker.weight == found.weight
    pairs = ["Where is my lamp two?", "Where is my sofa one?\nIt is about the sofa."]
    scores = reranker.scores("lamp two please", pairs)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    assert reranker.scores("nothing", []).shape == (0,)
    (folder / reranking.ABOUT).write_text(json.dumps({"weight": 99}), encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match=reranking.ABOUT):
        Reranker(folder)


def test_a_reranker_without_its_weight_is_refused(tmp_path: Path, minilm: Path) -> None:
    folder = tmp_path / "reranker"
    shutil.copytree(minilm, folder, ignore=shutil.ignore_patterns("model.safetensors", "manifest*"))
    manifest.seal(folder)
    with pytest.raises(errors.ArtifactError, match="cannot be read") as caught:
        Reranker(folder)
    assert "--reranker" in caught.value.hint
