"""Texts that are alike stay together."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import dataset, near_duplicates
from classifier.dataset import LabelledText

LONG = "could you please tell me where the parcel is that i ordered last week"


def test_one_changed_letter_in_a_long_text_is_a_near_duplicate() -> None:
    groups = near_duplicates.groups([LONG, LONG.replace("tell me", "tell us"), "where is it"])
    assert groups[0] == groups[1] != groups[2]


def test_short_texts_that_differ_in_a_word_are_not() -> None:
    groups = near_duplicates.groups(["cancel my order", "change my order", "Cancel my order!!"])
    assert groups[0] == groups[2] != groups[1]


def test_pairs_between_train_and_test() -> None:
    assert near_duplicates.pairs(["hello", LONG], ["bye", "HELLO", LONG + " ok"]) == [
        (0, 1), (1, 2),
    ]  # fmt: skip
    assert near_duplicates.pairs([], ["a"]) == []


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        near_duplicates.pairs(["x"] * (near_duplicates.LIMIT + 1), ["y"])


WORDS = st.text(alphabet=string.ascii_lowercase[:3] + " !", max_size=6)


@given(st.lists(st.tuples(WORDS, st.sampled_from("ab")), min_size=2, max_size=30))
def test_no_group_straddles_a_split_or_a_fold(rows: list[tuple[str, str]]) -> None:
    examples = [LabelledText(text=text, intent=intent) for text, intent in rows]
    groups = near_duplicates.groups([example.text for example in examples])
    aside = dataset.held_out(examples, holdout=0.4, seed=1)
    assert not set(groups[aside]) & set(groups[~aside])
    for intent in {example.intent for example in examples}:
        assert not all(aside[[e.intent == intent for e in examples]])
    folds = dataset.folds(examples, count=3, seed=1)
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
