"""`frontdesk retrieval train`, `fit` and the reranker's setting: what is refused, what is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import errors, retrieval_quality, searching
from bot.cli import main
from bot.config import Models, Settings
from bot.training import encoders
from bot.training.encoders import Order
from retrieval import errors as retrieval_errors
from retrieval import fusion, scoring
from retrieval.encoders import catalogue, tuned
from retrieval.training.learning import Recipe


def quiet(_step: str, _share: float) -> None:
    pass


def frontdesk(*words: str) -> int:
    """Run a command in this process; gives its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return int(stopped.value.code or 0)


@pytest.fixture
def own(settings: Settings, encoders: Path) -> Settings:
    """The settings with an encoders folder that the test may write to."""
    folder = settings.data / "models" / "encoders"
    folder.unlink()
    for name in ("multilingual-e5", "minilm-en"):
        source = catalogue.prepare(name, encoders, quiet)
        (folder / name).mkdir(parents=True)
        for path in source.iterdir():
            (folder / name / path.name).symlink_to(path)
    return settings


def pairs(folder: Path, count: int) -> Path:
    path = folder / "pairs.csv"
    rows = [f"where is thing {n}?,how do I find thing number {n},1" for n in range(count)]
    path.write_text("\n".join(["text_1,text_2,same", *rows]) + "\n", encoding="utf-8")
    return path


def test_files_that_cannot_be_learned_from(own: Settings, tmp_path: Path) -> None:
    missing = Order(files=(tmp_path / "no.csv",))
    with pytest.raises(errors.ModelError, match=r"no\.csv: cannot be read"):
        encoders.run(own, missing, on_progress=quiet)
    few = Order(files=(pairs(tmp_path, 5),))
    with pytest.raises(errors.ModelError, match="questions could be held out") as caught:
        encoders.run(own, few, on_progress=quiet)
    assert "--holdout" in caught.value.hint


def test_an_encoder_that_does_not_serve(own: Settings) -> None:
    with pytest.raises(errors.ModelError, match="does not serve here") as caught:
        encoders.run(own, Order(only="some-model"), on_progress=quiet)
    assert "multilingual-e5 or minilm-en" in caught.value.hint


def test_the_english_encoder_is_trained_measured_and_taken_back(
    own: Settings, tmp_path: Path
) -> None:
    recipe = Recipe(epochs=1, max_steps=2, batch_size=8, learning_rate=1e-4)
    order = Order(files=(pairs(tmp_path, 120),), only="minilm-en", holdout=0.5, recipe=recipe)
    (outcome,) = encoders.run(own, order, on_progress=quiet)
    assert outcome.steps == 2
    assert set(outcome.before) == set(outcome.after) == {"held out"}
    original = own.data / "models" / "encoders" / "minilm-en"
    serving = tuned.current(original)
    assert (serving is not None) == outcome.promoted
    assert outcome.encoder == (serving or original).name
    if outcome.promoted:
        assert (own.data / "vectors" / f"{outcome.encoder}.en.safetensors").is_file()
    encoders.revert(own)
    assert tuned.current(original) is None


def test_a_bot_of_a_tuned_english_encoder_gets_no_second_one(settings: Settings) -> None:
    name = f"minilm-en{tuned.MARK}20260101T000000"
    assert searching.wanted_expert(settings, name, ()) == ""


def test_a_reranker_that_was_not_trained(settings: Settings) -> None:
    with pytest.raises(retrieval_errors.EncoderUnavailable, match="no reranker") as caught:
        searching.load_reranker(settings)
    assert "frontdesk retrieval train --reranker" in caught.value.hint
    assert Models().rerank is False


def test_the_weights_that_were_fitted_serve(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"data": tmp_path})
    assert searching.ways(other, "e5").many == scoring.MANY
    changed = {name: 1.0 for name in scoring.MANY}
    fusion.Fusion(encoder="e5", many=changed, one=changed).write(tmp_path / "models")
    assert searching.ways(other, "e5").many == changed


def test_the_weights_are_fitted_on_the_questions_of_the_project(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    places = ["--project", str(settings.project), "--data", str(settings.data)]
    assert frontdesk("retrieval", "fit", "--json", *places) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["many"]["questions"] > 180
    assert set(found["many"]["fitted"]) == set(scoring.MANY)
    assert found["many"]["before"] > 0.7
    assert found["written"] is False


def test_no_collection_trains_the_encoder_that_it_measures() -> None:
    for one in retrieval_quality.COLLECTIONS:
        assert [path for path in one.trained_on if path.startswith(one.name)] == []
