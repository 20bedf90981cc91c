"""Names of labels as examples."""

from __future__ import annotations

import numpy as np
import pytest

from classifier import label_names
from retrieval.encoders.runtime import Encoder


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Refund_not_showing_up", "refund not showing up"),
        ("reverted_card_payment?", "reverted card payment"),
        ("orderStatus", "order status"),
        ("faq/退货", "faq 退货"),
        ("__", ""),
    ],
)
def test_a_label_in_words(label: str, said: str) -> None:
    assert label_names.words(label) == said


def test_few_examples_are_helped_by_names_that_say_something(encoder: Encoder) -> None:
    found = label_names.hints(["7", "order_status", "退货"], np.array([0, 1, 1, 2]), encoder)
    assert found.texts == ("order status", "退货")
    assert found.gold.tolist() == [1, 2]
    vectors, gold = found.beside(np.zeros((4, found.vectors.shape[1]), np.float32), np.arange(4))
    assert vectors.shape[0] == 6
    assert gold.tolist() == [0, 1, 2, 3, 1, 2]


def test_many_examples_need_no_names(encoder: Encoder) -> None:
    gold = np.repeat([0, 1], label_names.FEW + 1)
    found = label_names.hints(["order_status", "refund"], gold, encoder)
    assert found.texts == ()
    assert found.beside(np.ones((2, found.vectors.shape[1]), np.float32), np.arange(2))[0].sum() > 0
