"""Model threads: batches, refusals, failures. And how evidence becomes a probability."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence

import pytest

from bot import confidence, errors
from bot.inference import MAX_BATCH, ModelThread
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer


async def test_waiting_items_are_batched_and_each_gets_its_own_result() -> None:
    thread = ModelThread("test", max_waiting=100)
    gate = threading.Event()
    sizes: list[int] = []

    def double(items: Sequence[int]) -> list[int]:
        gate.wait(5)
        sizes.append(len(items))
        return [2 * item for item in items]

    tasks = [asyncio.ensure_future(thread.run(double, number)) for number in range(50)]
    await asyncio.sleep(0.05)
    gate.set()
    assert await asyncio.gather(*tasks) == [2 * number for number in range(50)]
    assert sum(sizes) == 50
    assert max(sizes) <= MAX_BATCH
    assert len(sizes) <= 4
    thread.close()


async def test_a_full_queue_refuses_at_once() -> None:
    thread = ModelThread("test", max_waiting=2)
    gate = threading.Event()

    def slow(items: Sequence[int]) -> Sequence[int]:
        gate.wait(5)
        return items

    tasks = [asyncio.ensure_future(thread.run(slow, 0))]
    await asyncio.sleep(0.05)
    tasks += [asyncio.ensure_future(thread.run(slow, number)) for number in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(errors.Busy):
        await thread.run(slow, 3)
    gate.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    thread.close()


async def test_a_failing_model_fails_its_callers_and_goes_on() -> None:
    thread = ModelThread("test", max_waiting=10)

    def broken(_items: Sequence[int]) -> Sequence[int]:
        raise ZeroDivisionError

    with pytest.raises(errors.ModelError, match="ZeroDivisionError"):
        await thread.run(broken, 1)
    assert await thread.run(lambda items: items, 7) == 7
    thread.close()


async def test_different_functions_are_not_mixed() -> None:
    thread = ModelThread("test", max_waiting=50)

    def old(items: Sequence[int]) -> list[str]:
        return [f"old {item}" for item in items]

    def new(items: Sequence[int]) -> list[str]:
        return [f"new {item}" for item in items]

    tasks = [thread.run(old if n % 2 else new, n) for n in range(20)]
    said = await asyncio.gather(*tasks)
    assert said == [f"{'old' if n % 2 else 'new'} {n}" for n in range(20)]
    thread.close()


async def test_a_model_with_too_few_results_fails_its_callers_and_goes_on() -> None:
    thread = ModelThread("test", max_waiting=10)

    def forgetful(_items: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(errors.ModelError, match="0 results for 1 items"):
        await thread.run(forgetful, 1)
    assert await thread.run(lambda items: items, 7) == 7
    thread.close()


async def test_closing_finishes_what_is_queued() -> None:
    thread = ModelThread("test", max_waiting=100)
    gate = threading.Event()

    def slow(items: Sequence[int]) -> Sequence[int]:
        gate.wait(5)
        return items

    tasks = [asyncio.ensure_future(thread.run(slow, number)) for number in range(70)]
    await asyncio.sleep(0.05)
    closing = asyncio.ensure_future(asyncio.to_thread(thread.close))
    await asyncio.sleep(0.05)
    gate.set()
    assert await asyncio.gather(*tasks) == list(range(70))
    await closing
    assert thread.waiting == 0


async def test_a_caller_that_gave_up_harms_nobody() -> None:
    thread = ModelThread("test", max_waiting=10)
    gate = threading.Event()

    def slow(items: Sequence[int]) -> Sequence[int]:
        gate.wait(5)
        return items

    patient = asyncio.ensure_future(thread.run(slow, 1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(thread.run(slow, 2), 0.05)
    gate.set()
    assert await patient == 1
    thread.close()


def candidate(name: str, intent: str, score: float) -> Candidate:
    answer = PastAnswer(id=name, lang="en", intent=intent, questions=("q",), text="t")
    parts = {"question": 0.5, "answer": 0.5, "centre": 0.5}
    return Candidate(answer=answer, score=score, cosine=0.5, matched="q", parts=parts)


def predicted(**confidences: float) -> IntentPrediction:
    ranking = tuple(RankedIntent(name=n, confidence=c) for n, c in confidences.items())
    return IntentPrediction(ranking=ranking, model_id="m")


def test_the_intent_breaks_a_near_tie() -> None:
    close = [candidate("a", "i", 10.0), candidate("b", "j", 9.9)]
    fused = confidence.fuse(close, predicted(j=0.9, i=0.1))
    assert [c.answer.id for c in fused] == ["b", "a"]
    assert fused[0].parts["intent"] == pytest.approx(confidence.INTENT_WEIGHT * math.log(0.9))


def test_without_a_classifier_the_order_stays() -> None:
    close = [candidate("a", "i", 10.0), candidate("b", "j", 9.9)]
    assert confidence.fuse(close, None) == tuple(close)


def test_a_rival_and_a_ruled_intent_lower_the_confidence() -> None:
    alone = confidence.signals([candidate("a", "i", 10)], predicted(i=1.0), ["greet"])
    rival = confidence.signals(
        [candidate("a", "i", 10), candidate("b", "i", 10)], predicted(i=1.0), ["greet"]
    )
    greeted = confidence.signals([candidate("a", "i", 10)], predicted(greet=0.9), ["greet"])
    assert alone["share"] == 1
    assert rival["share"] == pytest.approx(0.5)
    assert greeted["outside"] == pytest.approx(0.9)
    sure = confidence.probability(alone)
    assert 0 < confidence.probability(greeted) < sure < 1
    assert confidence.probability(rival) < sure
