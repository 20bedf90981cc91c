"""The risk dial: what is promised holds on texts drawn the same way."""

from __future__ import annotations

import numpy as np
import pytest

from classifier import risk


def sample(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right as often as these say."""
    chance = np.random.default_rng(seed)
    confidences = chance.beta(5, 1, size=n).astype(np.float32)
    return confidences, chance.random(n) < confidences


@pytest.mark.parametrize("wanted", [0.03, 0.05, 0.10])
def test_the_promise_holds_in_at_least_nine_of_ten_samples(wanted: float) -> None:
    future, right = sample(10_000, 200_000)
    broken = 0
    for seed in range(100):
        found = risk.point(*sample(seed, 1000), wanted)
        if found.threshold is not None:
            kept = future >= found.threshold
            broken += bool((~right[kept]).mean() > wanted)
    assert broken <= 100 * risk.DELTA + 5  # and some luck


def test_more_risk_answers_more() -> None:
    found = risk.points(*sample(1, 3000))
    assert [point.risk for point in found] == list(risk.RISKS)
    coverages = [point.coverage for point in found]
    assert coverages == sorted(coverages)
    assert coverages[-1] > 0.5


def test_too_small_a_sample_promises_nothing() -> None:
    sure = np.ones(40, np.float32), np.ones(40, bool)
    assert risk.point(*sure, 0.03).threshold is None
    assert risk.point(*sure, 0.03).coverage == 0
    assert risk.point(*sure, 0.15).threshold == 1.0
    assert risk.point(*sure, 0.15).coverage == 1.0


def test_a_model_that_is_good_enough_answers_everything() -> None:
    chance = np.random.default_rng(4)
    confidences = chance.random(3000).astype(np.float32)
    found = risk.point(confidences, chance.random(3000) > 0.02, 0.05)
    assert found.coverage > 0.99


def test_a_bound_by_hand() -> None:
    # None wrong of n: 1 - delta ** (1 / n).
    assert risk.upper_bound(0, 76, 0.1) == pytest.approx(1 - 0.1 ** (1 / 76))
    assert risk.upper_bound(5, 5, 0.1) == 1.0
