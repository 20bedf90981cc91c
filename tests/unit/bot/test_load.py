"""Callers who would wait too long are refused, whatever rhythm answers end in."""

from __future__ import annotations

import gc

import pytest

from bot import errors
from bot.gateway.load import Load
from bot.stress.echo import empty_brain
from bot.web import garbage


def test_nobody_is_refused_before_anything_is_known() -> None:
    Load(1.0, places=4).check(1000)


def test_the_bound_is_what_can_be_answered_in_time() -> None:
    load = Load(1.0, places=4)
    load.finished(0.5)  # eight a second
    load.check(8)
    with pytest.raises(errors.Busy):
        load.check(9)


def test_a_free_place_is_given_whatever_it_takes() -> None:
    load = Load(1.0, places=4)
    load.finished(30.0)
    load.check(3)
    with pytest.raises(errors.Busy):
        load.check(4)


def test_answers_that_end_together_change_nothing() -> None:
    load = Load(1.0, places=4)
    for _ in range(200):
        load.finished(0.5)
    with pytest.raises(errors.Busy):
        load.check(9)


def test_the_guess_follows_a_model_that_becomes_slower() -> None:
    load = Load(1.0, places=4)
    load.finished(0.1)
    for _ in range(100):
        load.finished(1.0)
    with pytest.raises(errors.Busy):
        load.check(5)


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def collector(clock: list[float]) -> garbage.Collector:
    return garbage.Collector(now=lambda: clock[0])


def test_a_new_brain_is_collected_around_and_left_alone(collector: garbage.Collector) -> None:
    brain = empty_brain()
    try:
        assert collector.look(brain, in_hand=0)
        assert gc.get_freeze_count() > 0
        assert not collector.look(brain, in_hand=0)
    finally:
        gc.unfreeze()


def test_nothing_is_collected_while_much_is_in_hand(
    collector: garbage.Collector, clock: list[float]
) -> None:
    brain = empty_brain()
    try:
        assert not collector.look(brain, in_hand=garbage.LITTLE + 1)
        clock[0] = garbage.AT_LEAST_EVERY_S
        assert collector.look(brain, in_hand=garbage.LITTLE + 1)
        assert not collector.look(brain, in_hand=garbage.LITTLE + 1)
    finally:
        gc.unfreeze()
