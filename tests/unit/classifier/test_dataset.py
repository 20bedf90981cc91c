"""Labelled texts: entity marks, near-duplicates, the split, and what is refused."""

from __future__ import annotations

import re

import pytest

from bot.knowledge.model import Knowledge
from classifier import dataset, errors, near_duplicates
from classifier.dataset import LabelledText


def example(text: str, intent: str, line: int = 0) -> LabelledText:
    return LabelledText(text=text, intent=intent, path="nlu/a.yml", line=line)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("track [WS30000012](order_number) please", "track WS30000012 please"),
        ('send it to [Berlin]{"entity": "city", "role": "to"}', "send it to Berlin"),
        ("[三天](duration)能到[上海](city)吗", "三天能到上海吗"),
        ("a [bracket] stays", "a [bracket] stays"),
        ("no marks (really)", "no marks (really)"),
        ("  trimmed  ", "trimmed"),
    ],
)
def test_entity_marks_are_removed(marked: str, plain: str) -> None:
    assert dataset.plain_text(marked) == plain


@pytest.mark.parametrize(
    "same",
    [
        "where's my parcel",
        "WHERE'S MY PARCEL?",
        "Where s my  parcel!!",
        "ｗｈｅｒｅｓ ｍｙ ｐａｒｃｅｌ",
    ],
)
def test_case_width_punctuation_and_spaces_do_not_tell_texts_apart(same: str) -> None:
    assert near_duplicates.key(same) == "wheresmyparcel"


def test_texts_of_symbols_alone_keep_apart() -> None:
    assert near_duplicates.key("??") == "??"
    assert near_duplicates.key("!!") != near_duplicates.key("??")


def test_one_intent_is_too_few() -> None:
    with pytest.raises(errors.DatasetError, match=r"hold 1 intents.*at least two intents"):
        dataset.check([example("hi", "greet"), example("hello", "greet")])


def test_an_intent_with_one_example_is_named_with_its_line() -> None:
    rows = [example("hi", "greet", 3), example("hello", "greet", 4), example("bye", "goodbye", 9)]
    with pytest.raises(errors.DatasetError, match="'goodbye' has 1 example") as caught:
        dataset.check(rows)
    assert (caught.value.path, caught.value.line) == ("nlu/a.yml", 9)
    assert caught.value.hint == "Write at least 2."


def test_one_text_under_two_intents_names_both_places() -> None:
    rows = [
        example("hi", "greet", 3),
        example("hello", "greet", 4),
        example("bye", "goodbye", 8),
        example("Hello!", "goodbye", 9),
    ]
    with pytest.raises(errors.DatasetError, match=re.escape("(nlu/a.yml:4)")) as caught:
        dataset.check(rows)
    assert caught.value.line == 9
    assert "'Hello!' stands under 'goodbye' and under 'greet'" in str(caught.value)


def test_near_duplicates_never_stand_on_both_sides_of_the_split(starter: Knowledge) -> None:
    doubled = [
        *starter.examples,
        *(example(e.text.upper() + " ?!", e.intent) for e in starter.examples),
    ]
    parts = dataset.split(doubled, holdout=0.2, seed=1)
    learned = {near_duplicates.key(e.text) for e in parts.train}
    tested = {near_duplicates.key(e.text) for e in parts.holdout}
    assert tested
    assert not learned & tested


def test_the_split_keeps_every_intent_and_the_asked_share(starter: Knowledge) -> None:
    parts = dataset.split(starter.examples, holdout=0.15, seed=13)
    assert {e.intent for e in parts.train} == {e.intent for e in starter.examples}
    assert len(parts.train) + len(parts.holdout) == len(starter.examples)
    assert len(parts.holdout) / len(starter.examples) == pytest.approx(0.15, abs=0.01)


def test_small_intents_together_give_the_asked_share() -> None:
    words = ("alpha", "bravo", "carol", "delta", "eagle")
    examples = [
        LabelledText(text=f"{word} {intent * 3}", intent=intent)
        for intent in "abcdefghij"
        for word in words
    ]
    aside = dataset.held_out(examples, holdout=0.1, seed=1)
    assert aside.sum() == 5
    assert len({e.intent for e, out in zip(examples, aside, strict=True) if out}) == 5


def test_an_intent_of_one_group_is_only_learned() -> None:
    rows = [example("hi", "a"), example("HI", "a"), example("x", "b"), example("y", "b")]
    parts = dataset.split(rows, holdout=0.5, seed=1)
    assert sorted(e.text for e in parts.train if e.intent == "a") == ["HI", "hi"]
    assert len(parts.holdout) == 1


def test_the_split_depends_on_the_seed_alone(starter: Knowledge) -> None:
    once = dataset.split(starter.examples, holdout=0.15, seed=13)
    assert once == dataset.split(starter.examples, holdout=0.15, seed=13)
    assert once != dataset.split(starter.examples, holdout=0.15, seed=14)


def test_the_fingerprint_ignores_order_and_place_but_not_words() -> None:
    rows = [example("hi", "greet", 1), example("bye", "goodbye", 2)]
    moved = [example("bye", "goodbye", 70), example("hi", "greet", 71)]
    assert dataset.fingerprint(rows) == dataset.fingerprint(moved)
    assert dataset.fingerprint(rows) != dataset.fingerprint([*rows, example("hey", "greet")])
    assert dataset.fingerprint(rows) != dataset.fingerprint(
        [example("hi", "goodbye"), example("bye", "greet")]
    )


def test_a_sample_keeps_the_share_of_each_intent_and_the_order() -> None:
    many = [
        LabelledText(text=f"{n}", intent="rare" if n % 50 == 0 else "often") for n in range(400)
    ]
    found = dataset.sample(many, most=100, seed=1)
    numbers = [int(example.text) for example in found]
    assert numbers == sorted(numbers)
    assert [example.intent for example in found].count("rare") == 2
    assert len(found) == 100
    assert found == dataset.sample(many, most=100, seed=1)


def test_few_examples_are_no_sample() -> None:
    few = [LabelledText(text="a", intent="x"), LabelledText(text="b", intent="y")]
    assert dataset.sample(few, most=2, seed=1) == tuple(few)
