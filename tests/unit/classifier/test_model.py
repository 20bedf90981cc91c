"""The head that was trained for the starter knowledge, asked what it never saw."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bot.knowledge.model import Knowledge
from bot.training.registry import Registry
from classifier import artifact, errors, model
from classifier.model import IntentClassifier
from classifier.near_duplicates import key
from retrieval.encoders.runtime import Encoder

UNSEEN = [
    ("Could somebody tell me the whereabouts of my shipment please", "track_parcel"),
    ("i wanna send these shoes back, what's the procedure", "start_return"),
    ("the site won't let me sign in, it says wrong password", "login_problem"),
    ("the blender you sent me is broken, it doesn't even switch on", "defective_item"),
    ("麻烦帮我查一下快递现在到哪儿了呀", "track_parcel"),
    ("我想找真人客服聊聊，别用机器人", "human_please"),
    ("請問退款什麼時候會到帳呢？", "refund_status"),  # traditional characters
    ("忘記密碼了，登錄不了怎麼辦", "login_problem"),
    ("Ｗｈｅｒｅ　ｉｓ　ｍｙ　ｐａｒｃｅｌ　ｎｏｗ？", "track_parcel"),  # full width
    ("📦🤔 where did my parcel go?? 😭", "track_parcel"),
    ("well hello there, dear bot 👋", "greet"),
    ("thx a lot 🙏", "thanks"),
]


@pytest.fixture(scope="module")
def folder(trained_data: Path) -> Path:
    """The folder of the trained head."""
    current = Registry(trained_data).current()
    assert current is not None
    return current.folder


@pytest.fixture(scope="module")
def classifier(folder: Path, encoder: Encoder) -> IntentClassifier:
    """The trained head at work."""
    return model.load(folder, encoder)


@pytest.mark.parametrize(("text", "intent"), UNSEEN)
def test_sentences_that_it_never_saw_are_understood(
    classifier: IntentClassifier, starter: Knowledge, text: str, intent: str
) -> None:
    assert key(text) not in {key(e.text) for e in starter.examples}
    assert classifier.predict([text])[0].top.name == intent


def test_the_manifest_tells_what_was_learned(classifier: IntentClassifier) -> None:
    manifest = classifier.manifest
    assert manifest.method == "head"
    assert len(manifest.labels) >= 40
    assert list(manifest.labels) == sorted(manifest.labels)
    assert manifest.metrics["accuracy"] > 0.8
    assert manifest.metrics["macro_f1"] > 0.8
    assert manifest.metrics["calibration_error"] < 0.1
    assert manifest.arguments["seed"] == 13


def test_many_texts_are_read_in_parts(
    classifier: IntentClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text for text, _ in UNSEEN[:5]]
    parts = [classifier.read(texts[start : start + 2]) for start in range(0, 5, 2)]
    monkeypatch.setattr(model, "AT_ONCE", 2)
    told: list[float] = []
    said, scores = classifier.read(texts, lambda _step, share: told.append(share))
    np.testing.assert_allclose(said, np.concatenate([part for part, _ in parts]), atol=1e-5)
    np.testing.assert_allclose(scores, np.concatenate([part for _, part in parts]), atol=1e-5)
    assert told == [0.4, 0.8]


def test_a_ranking_holds_every_intent_once_and_sums_to_one(classifier: IntentClassifier) -> None:
    prediction = classifier.predict(["where is my parcel"])[0]
    names = [item.name for item in prediction.ranking]
    shares = [item.confidence for item in prediction.ranking]
    assert sorted(names) == list(classifier.manifest.labels)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert shares == sorted(shares, reverse=True)
    assert prediction.confidence_in("track_parcel") == prediction.top.confidence
    assert prediction.confidence_in("no such intent") == 0
    assert prediction.model_id == classifier.manifest.model_id


def test_a_text_is_ranked_the_same_alone_and_in_a_batch(classifier: IntentClassifier) -> None:
    texts = [text for text, _ in UNSEEN]
    together = classifier.probabilities(texts)
    alone = np.concatenate([classifier.probabilities([text]) for text in texts])
    # int8: the scales depend on the batch, and an even choice between two intents shows it most.
    np.testing.assert_allclose(together, alone, atol=0.06)
    assert (np.abs(together - alone) <= 0.02).mean() > 0.99
    assert (together.argmax(1) == alone.argmax(1)).all()


def test_no_texts_get_no_predictions(classifier: IntentClassifier) -> None:
    assert classifier.predict([]) == []


def test_a_tampered_weight_is_refused(folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = copy / model.HEAD_FILE
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(errors.ArtifactError, match=r"head\.safetensors is missing or was changed"):
        model.load(copy, encoder)


def test_an_unknown_method_is_refused(folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    manifest = copy / artifact.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"method": "head"', '"method": "magic"'), encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match="unknown method 'magic'"):
        model.load(copy, encoder)
