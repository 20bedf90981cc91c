"""N-grams: what they are made of, and what they learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import lexical

TEXTS = ["where is my parcel", "track my parcel", "give my money back", "money back please"]
GOLD = np.array([0, 0, 1, 1])


def test_words_pairs_and_letters() -> None:
    assert set(lexical.pieces("My Bag")) == {
        "my", "bag", "^ my", "my bag", "bag $", "#_m", "#my", "#y_", "#_my", "#my_", "#_my_",
        "#_b", "#ba", "#ag", "#g_", "#_ba", "#bag", "#ag_", "#_bag", "#bag_",
    }  # fmt: skip


def test_a_chinese_character_is_a_word() -> None:
    assert list(lexical.pieces("我要退")) == [
        "^ 我", "我", "我 要", "^ 我 要", "要", "要 退", "我 要 退", "退", "退 $", "要 退 $",
    ]  # fmt: skip


def test_a_punctuation_mark_is_a_word_without_letters() -> None:
    assert set(lexical.pieces("ok?")) - set(lexical.pieces("ok")) == {"?", "ok ?", "? $"}


def test_width_and_case_make_no_difference() -> None:
    assert list(lexical.pieces("ＡＢＣ１２")) == list(lexical.pieces("abc12"))


@settings(deadline=None)  # its first example waits for scikit-learn
@given(st.text())
def test_any_text_has_margins(text: str) -> None:
    found = lexical.fit(TEXTS, GOLD, 2).margins([text])
    assert found.shape == (1, 2)
    assert np.isfinite(found).all()


def test_it_learns_and_is_stored(tmp_path: Path) -> None:
    head = lexical.fit(TEXTS, GOLD, 3)
    asked = ["the parcel?", "my money"]
    found = head.margins(asked)
    assert found.argmax(1).tolist() == [0, 1]
    assert (found[:, 2] == lexical.ABSENT).all()  # a class without examples
    lexical.save(tmp_path, head)
    np.testing.assert_array_equal(lexical.load(tmp_path).margins(asked), found)


def test_no_texts_have_no_margins() -> None:
    assert lexical.fit(TEXTS, GOLD, 2).margins([]).shape == (0, 2)


@pytest.mark.parametrize("classes", [2, 4])
def test_margins_have_a_column_for_each_class(classes: int) -> None:
    gold = np.arange(4) % classes
    assert lexical.fit(TEXTS, gold, classes).margins(["x"]).shape == (1, classes)
