"""The linear head on vectors that can be separated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classifier import head


def blobs(seed: int, per_class: int = 20) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors (4 * per_class, 16) around four directions, and their classes."""
    chance = np.random.default_rng(seed)
    centres = np.eye(4, 16, dtype=np.float32)
    gold = np.repeat(np.arange(4), per_class)  # (n,)
    noisy = centres[gold] + chance.normal(0, 0.15, (len(gold), 16))  # (n, 16)
    unit = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    return unit.astype(np.float32), gold


def test_separable_classes_are_learned_and_carry_over_to_new_vectors() -> None:
    vectors, gold = blobs(1)
    fitted = head.fit(vectors, gold, 4)
    assert fitted.weight.shape == (4, 16)
    assert fitted.bias.shape == (4,)
    new_vectors, new_gold = blobs(2)
    assert (fitted.logits(vectors).argmax(1) == gold).all()
    assert (fitted.logits(new_vectors).argmax(1) == new_gold).all()


def test_the_same_vectors_give_the_same_head() -> None:
    vectors, gold = blobs(3)
    once, again = head.fit(vectors, gold, 4), head.fit(vectors, gold, 4)
    np.testing.assert_array_equal(once.weight, again.weight)
    np.testing.assert_array_equal(once.bias, again.bias)


def test_a_stronger_prior_gives_smaller_weights() -> None:
    vectors, gold = blobs(4)
    weak, strong = head.fit(vectors, gold, 4, l2=0.1), head.fit(vectors, gold, 4, l2=100)
    assert np.linalg.norm(strong.weight) < np.linalg.norm(weak.weight) / 2


def test_a_class_without_examples_is_never_guessed() -> None:
    vectors, gold = blobs(5)
    fitted = head.fit(vectors, gold, 5)
    assert 4 not in fitted.logits(vectors).argmax(1)


def test_logits_are_float32() -> None:
    vectors, gold = blobs(6)
    logits = head.fit(vectors, gold, 4).logits(vectors[:3])
    assert logits.shape == (3, 4)
    assert logits.dtype == np.float32
