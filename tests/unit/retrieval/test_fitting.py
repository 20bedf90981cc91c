"""Weights that are fitted, compared and kept in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrieval import errors, fitting, fusion
from retrieval.candidate import Candidate, PastAnswer
from retrieval.fitting import Example
from retrieval.scoring import MANY, MANY_PHRASINGS, ONE, Ways

NAMES = ("good", "noise")


def examples(count: int) -> list[Example]:
    """The right one of five has more of `good`; `noise` tells nothing."""
    dice = np.random.default_rng(3)
    found = []
    for _ in range(count):
        parts = dice.normal(size=(5, 2))
        right = np.zeros(5, np.bool_)
        right[int(dice.integers(5))] = True
        parts[right, 0] += 2
        found.append(Example(parts=parts, offset=np.zeros(5), right=right))
    return found


def test_the_fit_finds_what_tells_and_is_better_on_questions_not_fitted_on() -> None:
    rows, start = examples(150), {"good": 0.2, "noise": 1.0}
    weights = fitting.fit(rows, NAMES, start)
    assert weights["good"] > 5 * weights["noise"] >= 0
    before = fitting.first(rows, NAMES, start)
    assert fitting.cross_validated(rows, NAMES, start) > before + 0.2


def test_what_is_not_fitted_keeps_its_weight() -> None:
    rows = [Example(parts=np.array([[1.0], [0.0]]), offset=np.zeros(2),
                    right=np.array([False, True]))] * 9  # fmt: skip
    assert fitting.fit(rows, ("code",), {"code": 12.0, "other": 3.0}) == {
        "code": 12.0,
        "other": 3.0,
    }


def test_the_offset_counts() -> None:
    row = Example(parts=np.array([[1.0], [0.0]]), offset=np.array([0.0, 5.0]),
                  right=np.array([False, True]))  # fmt: skip
    assert fitting.first([row], ("a",), {"a": 1.0}) == 1.0
    assert fitting.first([row], ("a",), {"a": 9.0}) == 0.0


def test_a_question_whose_answer_was_not_found_cannot_be_learned_from() -> None:
    answer = PastAnswer(id="a", lang="en", intent="", questions=("q",), text="t")
    found = [Candidate(answer=answer, score=1.0, cosine=0.5, matched="q",
                       parts={"question": 0.5, "intent": -1.0})]  # fmt: skip
    assert fitting.example(found, frozenset(["b"]), ("question",)) is None
    one = fitting.example(found, frozenset(["a"]), ("question", "words"))
    assert one is not None
    assert one.parts.tolist() == [[0.5, 0.0]]
    assert (one.offset.tolist(), one.right.tolist()) == ([-1.0], [True])


def test_without_a_file_the_built_in_weights_serve(tmp_path: Path) -> None:
    assert fusion.read(tmp_path, "e5") == fusion.Fusion(encoder="e5", many=MANY, one=ONE)


def test_fitted_weights_serve_for_their_encoder_only(tmp_path: Path) -> None:
    other = dict(MANY) | {"question": 1.0}
    fusion.Fusion(encoder="e5", many=other, one=ONE).write(tmp_path)
    assert fusion.read(tmp_path, "e5").many == other
    assert fusion.read(tmp_path, "e5-tuned-1").many == MANY


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        json.dumps({"encoder": "e5", "many": {}, "one": {}}),
        json.dumps({"encoder": "e5", "many": dict(MANY) | {"words": -1}, "one": dict(ONE)}),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, text: str) -> None:
    (tmp_path / fusion.FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match=fusion.FILE_NAME) as caught:
        fusion.read(tmp_path, "e5")
    assert "frontdesk retrieval fit" in caught.value.hint


def test_weights_are_mixed_by_the_number_of_phrasings() -> None:
    ways = Ways()
    assert ways.weights(1) == ONE
    assert ways.weights(MANY_PHRASINGS) == ways.weights(99) == MANY
    between = ways.weights(2)["question"]
    assert between == pytest.approx((2 * ONE["question"] + MANY["question"]) / 3)
    assert "words" not in Ways(by_words=False).weights(3)
    assert set(Ways(by_meaning=False).weights(3)) == {"words", "answer_words", "code"}
