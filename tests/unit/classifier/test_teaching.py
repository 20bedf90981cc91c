"""A real encoder teaches: what it says of texts with a label, without one, and with few of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.knowledge.model import Knowledge
from classifier import artifact, label_names, teaching, train
from classifier.dataset import LabelledText
from classifier.experts import Known
from classifier.methods import Method, Recipe
from classifier.plan import Around, Plan
from retrieval.encoders.runtime import Encoder
from retrieval.encoders.teacher import Teacher

INTENTS = ("track_parcel", "refund_status", "login_problem", "gift_card")
FEW, MANY = 4, 21
HELD_OUT = 4


def quiet(_step: str, _share: float) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def teacher(encoder_folder: Path) -> Teacher:
    """The encoder that the starter uses, in the part of the teacher."""
    return Teacher(encoder_folder)


@pytest.fixture(scope="module")
def pool(starter: Knowledge) -> dict[str, list[LabelledText]]:
    """The starter's examples by intent."""
    return {i: [e for e in starter.examples if e.intent == i] for i in INTENTS}


def known_of(pool: dict[str, list[LabelledText]], teacher: Teacher, *, each: int) -> Known:
    some = [pool[intent][i % len(pool[intent])] for intent in INTENTS for i in range(each)]
    vectors = teacher.encode([example.text for example in some])
    gold = np.array([INTENTS.index(example.intent) for example in some])
    return Known(examples=tuple(some), gold=gold, vectors=vectors, teacher=vectors)


def unlabelled_of(pool: dict[str, list[LabelledText]]) -> tuple[list[str], list[int]]:
    last = [example for intent in INTENTS for example in pool[intent][-HELD_OUT:]]
    return [e.text for e in last], [INTENTS.index(e.intent) for e in last]


@pytest.mark.parametrize("each", [FEW, MANY])
def test_texts_without_label_get_the_right_one(
    pool: dict[str, list[LabelledText]], teacher: Teacher, each: int
) -> None:
    known = known_of(pool, teacher, each=each)
    before = teacher.encode(["where is my parcel"])
    texts, gold = unlabelled_of(pool)
    said = teaching.of_unlabelled(
        teacher, texts, known, label_names.none(384), len(INTENTS), seed=1, on_progress=quiet
    )
    assert said.shape == (len(texts), len(INTENTS))
    assert said.sum(axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    assert (said.argmax(axis=1) == gold).mean() >= 0.75
    assert (teacher.encode(["where is my parcel"]) == before).all()  # a copy learned


def test_few_examples_are_taken_at_their_word(
    pool: dict[str, list[LabelledText]], teacher: Teacher
) -> None:
    known = known_of(pool, teacher, each=FEW)
    hints = label_names.none(384)
    said = teaching.soft_labels(known, hints, len(INTENTS), seed=1, on_progress=quiet)
    assert (said == teaching.certain(known.gold, len(INTENTS))).all()


def test_many_examples_are_judged_by_heads_that_did_not_see_them(
    pool: dict[str, list[LabelledText]], teacher: Teacher
) -> None:
    known = known_of(pool, teacher, each=MANY)
    gold, wrong = known.gold.copy(), 3
    gold[wrong] = INTENTS.index("gift_card")  # a slip of whoever labelled a parcel's text
    examples = [*known.examples]
    examples[wrong] = replace(examples[wrong], intent="gift_card")
    slipped = replace(known, gold=gold, examples=tuple(examples))
    hints = label_names.none(384)
    said = teaching.soft_labels(slipped, hints, len(INTENTS), seed=1, on_progress=quiet)
    assert said[wrong].argmax() == INTENTS.index("track_parcel")
    assert (said.argmax(axis=1) == known.gold).mean() > 0.8


def test_a_network_learns_from_texts_without_label(
    pool: dict[str, list[LabelledText]],
    teacher: Teacher,
    encoder: Encoder,
    encoder_folder: Path,
    tmp_path: Path,
) -> None:
    texts, _ = unlabelled_of(pool)
    plan = Plan(
        method=Method.FULL,
        encoder_folder=encoder_folder,
        encoder_id=encoder_folder.name,
        examples=known_of(pool, teacher, each=FEW).examples,
        holdout=0.25,
        teacher=teacher,
        teacher_id="itself",
        unlabelled=tuple(texts),
        recipe=Recipe(epochs=1, batch_size=8),
    )
    assert replace(plan, unlabelled=()).order != plan.order
    with artifact.new_folder(tmp_path / "model") as building:
        done = train.train(plan, building, encoder, Around(on_progress=quiet))
        artifact.seal(building, done.manifest)
    assert done.manifest.arguments["unlabelled"] == len(texts)
    assert done.classifier.predict(["我的包裹到哪里了"])[0].ranking[0].name == "track_parcel"
