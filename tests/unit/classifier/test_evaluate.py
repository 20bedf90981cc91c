"""Scores against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from classifier import evaluate

# Guesses 0, 0, 1, 2 for gold 0, 1, 1, 2: three of four are right.
PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.0, 0.2, 0.8]], np.float32
)
GOLD = np.array([0, 1, 1, 2], np.int64)


def test_accuracy_and_macro_f1_as_worked_out_by_hand() -> None:
    scores = evaluate.score(PROBABILITIES, GOLD)
    assert scores.examples == 4
    assert scores.accuracy == pytest.approx(3 / 4)
    # F1 is 2/3 for class 0 (one hit, two guesses, one gold) and for class 1, and 1 for class 2.
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_calibration_error_as_worked_out_by_hand() -> None:
    # Each of the four stands in a bin of its own: |1-.9|, |0-.6|, |1-.7|, |1-.8|, a quarter each.
    assert evaluate.calibration_error(PROBABILITIES, GOLD) == pytest.approx(
        (0.1 + 0.6 + 0.3 + 0.2) / 4, abs=1e-6
    )


def test_an_honest_model_has_no_calibration_error() -> None:
    probabilities = np.array([[0.75, 0.25]] * 4, np.float32)
    gold = np.array([0, 0, 0, 1], np.int64)
    assert evaluate.calibration_error(probabilities, gold) == pytest.approx(0, abs=1e-7)


def test_certainty_falls_into_the_last_bin() -> None:
    assert evaluate.calibration_error(np.array([[1.0, 0.0]], np.float32), np.array([0])) == 0


def test_softmax_of_a_high_temperature_is_flat_and_large_logits_do_not_overflow() -> None:
    logits = np.array([[math.log(3), 0.0], [1000.0, -1000.0]], np.float32)
    np.testing.assert_allclose(evaluate.softmax(logits)[0], [0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(evaluate.softmax(logits)[1], [1, 0], atol=1e-6)
    np.testing.assert_allclose(evaluate.softmax(logits / 1e6), 0.5, atol=1e-2)
    assert evaluate.softmax(logits).dtype == np.float32


def test_scores_of_strange_texts_by_hand() -> None:
    familiar = np.arange(1, 101, dtype=np.float32)  # the lowest 5 % are 1 to 5
    found = evaluate.score_scope(familiar, np.array([0.5, 3.5, 50.5, -1.0], np.float32))
    # Of 400 pairs the strange one is lower in 100 + 97 + 50 + 100.
    assert found.auroc == pytest.approx(347 / 400)
    assert found.recall_at_5 == 0.75
    assert found.n == 4
    perfect = evaluate.score_scope(familiar, np.array([-2.0, -1.0], np.float32))
    assert (perfect.auroc, perfect.aupr, perfect.fpr95, perfect.recall_at_5) == (1, 1, 0, 1)


def test_scores_for_a_manifest_are_plain_numbers() -> None:
    found = evaluate.score(PROBABILITIES, GOLD).as_dict()
    assert list(found) == ["examples", "accuracy", "macro_f1", "calibration_error"]
    assert all(type(value) in (int, float) for value in found.values())
