"""Counts of entities, and the cross-validation."""

from __future__ import annotations

from classifier.entities import annotation, evaluate
from classifier.entities.entity import Entity
from classifier.entities.evaluate import Count
from classifier.entities.reading import EntityData


def city(start: int, end: int, role: str | None = None) -> Entity:
    return Entity(entity="city", value="", start=start, end=end, role=role)


def test_right_is_what_is_right_in_everything() -> None:
    pairs = [
        ((city(0, 3, "to"), city(5, 8)), (city(0, 3, "from"), city(5, 8))),
        ((city(0, 3),), (city(0, 4),)),
        ((), (Entity(entity="item", value="", start=0, end=1),)),
    ]
    assert evaluate.count(pairs) == {
        "city": Count(right=1, wrong=2, missed=2),
        "item": Count(wrong=1),
    }


def test_the_shares_of_a_count() -> None:
    assert Count(right=3, wrong=1, missed=3).precision == 0.75
    assert Count(right=3, wrong=1, missed=3).recall == 0.5
    assert Count(right=3, wrong=1, missed=3).f1 == 0.6
    assert (Count().precision, Count().recall, Count(wrong=1, missed=1).f1) == (1, 1, 0)


def test_texts_are_asked_that_were_not_taught() -> None:
    items = ("lamp", "rug", "vase", "mug", "clock", "chair", "table", "kettle", "towel", "pan")
    marked = [f"my [{item}](item) is broken since monday" for item in items]
    data = EntityData(examples=tuple(map(annotation.read, [*marked, "hello", "谢谢您"])))
    found = evaluate.cross_validate(data)
    assert found["item"].right + found["item"].missed == len(items)
    assert found["item"].recall >= 0.9
