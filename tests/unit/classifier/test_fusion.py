"""One probability from two experts."""

from __future__ import annotations

import numpy as np
import pytest

from classifier import evaluate, fusion


def drawn(logits: np.ndarray) -> np.ndarray:
    chance = np.random.default_rng(1)
    odds = evaluate.softmax(logits).astype(np.float64)
    return np.array([chance.choice(len(row), p=row / row.sum()) for row in odds])


def test_overconfidence_is_undone() -> None:
    honest = np.random.default_rng(1).normal(size=(4000, 3)).astype(np.float32) * 2
    gold = drawn(honest)
    found = fusion.fit(honest * 3, np.zeros_like(honest), gold)
    assert found.dense == pytest.approx(1 / 3, rel=0.1)
    before = evaluate.calibration_error(evaluate.softmax(honest * 3), gold)
    said = found.probabilities(honest * 3, np.zeros_like(honest))
    assert evaluate.calibration_error(said, gold) < 0.03 < before


def test_two_weak_experts_are_better_together() -> None:
    chance = np.random.default_rng(2)
    first, second = chance.normal(size=(2, 4000, 3)).astype(np.float32)
    gold = drawn(first + second)
    found = fusion.fit(first, second, gold)
    assert found.dense == pytest.approx(1, abs=0.15)
    assert found.lexical == pytest.approx(1, abs=0.15)
    together = (found.probabilities(first, second).argmax(1) == gold).mean()
    assert together > max((first.argmax(1) == gold).mean(), (second.argmax(1) == gold).mean())


def test_an_expert_that_knows_nothing_gets_no_say() -> None:
    chance = np.random.default_rng(3)
    wise = chance.normal(size=(4000, 3)).astype(np.float32) * 2
    noise = chance.normal(size=(4000, 3)).astype(np.float32)
    assert fusion.fit(wise, noise, drawn(wise)).lexical < 0.1
