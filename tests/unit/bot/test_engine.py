"""The path of a message with the real store and starter knowledge, and models that misbehave."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.brain import Brain, BrainBox
from bot.domain import Message, Outcome, Thresholds
from bot.engine import Engine
from bot.inference import ModelThread
from bot.knowledge.model import Knowledge
from bot.policy import Rules
from bot.ports import Store
from bot.store import open_store
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, Excerpt, PastAnswer, Query, Wanted

RULES = Rules(thresholds=Thresholds(answer=0.8, clarify=0.1, rule=0.7), offers=3, handoff_after=3)


@dataclass
class SlowModel:
    """Stands where a classifier or retriever stands; fails or dawdles as told."""

    intent: str = "out_of_scope"
    fails: bool = False
    takes_s: float = 0.0
    model_id: str = "slow"
    encoder_id: str = "slow"
    revision: str = "r"
    order: list[str] = field(default_factory=list)

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        self._work(texts)
        ranked = (RankedIntent(name=self.intent, confidence=1.0),)
        return [IntentPrediction(ranking=ranked, model_id="slow") for _ in texts]

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        self._work([query.text for query in queries])
        return [[] for _ in queries]

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        return None

    def of_intent(self, intent: str) -> list[PastAnswer]:
        return []

    def excerpts(self, wanted: Sequence[Wanted]) -> list[Excerpt]:
        return []

    def _work(self, texts: Sequence[str]) -> None:
        time.sleep(self.takes_s)
        if self.fails:
            raise RuntimeError("out of memory")
        self.order += texts


@asynccontextmanager
async def engine(
    folder: Path, knowledge: Knowledge, classifier: SlowModel, retriever: SlowModel
) -> AsyncIterator[tuple[Engine, Store]]:
    box = BrainBox()
    box.replace(Brain(knowledge=knowledge, classifier=classifier, retriever=retriever))
    threads = [ModelThread(name, max_waiting=50) for name in ("classifier", "retriever")]
    store = open_store(f"sqlite:///{folder / 'test.db'}")
    yield (
        Engine(store, box, RULES, classifying=threads[0], searching=threads[1], deadline_s=0.3),
        store,
    )
    for thread in threads:
        thread.close()
    await store.close()


def message(text: str, *, sender: str = "u", external_id: str | None = None) -> Message:
    return Message(
        id=uuid.uuid4().hex,
        channel="rest",
        sender=sender,
        text=text,
        external_id=external_id,
        received_at=datetime.now(UTC),
    )


async def test_a_failed_model_is_a_handoff_with_its_reason(
    tmp_path: Path, starter: Knowledge
) -> None:
    broken = SlowModel(intent="track_parcel", fails=True)
    async with engine(tmp_path, starter, SlowModel(intent="track_parcel"), broken) as (it, _):
        turn = await it.answer(message("where is it"))
    assert turn.outcome is Outcome.HANDOFF
    assert turn.reasons["reason"] == "model_down"
    assert "out of memory" in turn.reasons["notes"][0]
    assert turn.replies[0].text


async def test_a_late_model_is_a_handoff_and_the_visitor_does_not_wait(
    tmp_path: Path, starter: Knowledge
) -> None:
    late = SlowModel(intent="track_parcel", takes_s=1.5)
    async with engine(tmp_path, starter, SlowModel(intent="track_parcel"), late) as (it, _):
        started = time.monotonic()
        turn = await it.answer(message("where is it"))
        waited_s = time.monotonic() - started
    assert turn.reasons["reason"] == "model_down"
    assert waited_s < 1.2


async def test_a_rule_works_though_the_retriever_is_down(
    tmp_path: Path, starter: Knowledge
) -> None:
    async with engine(tmp_path, starter, SlowModel(intent="greet"), SlowModel(fails=True)) as (
        it,
        _,
    ):
        turn = await it.answer(message("hello"))
    assert turn.outcome is Outcome.RESPOND


async def test_a_conversation_is_answered_in_order(tmp_path: Path, starter: Knowledge) -> None:
    model = SlowModel(takes_s=0.02)
    async with engine(tmp_path, starter, model, SlowModel()) as (it, store):
        tasks = []
        for number in range(8):
            tasks.append(asyncio.create_task(it.answer(message(f"text {number}"))))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        stored = await store.events_after("rest", "u")
    said = [e.event.data["text"] for e in stored if e.event.name == "user"]
    assert said == [f"text {number}" for number in range(8)]


async def test_the_same_message_at_the_same_time_is_answered_once(
    tmp_path: Path, starter: Knowledge
) -> None:
    model = SlowModel(takes_s=0.02)
    async with engine(tmp_path, starter, model, SlowModel()) as (it, _):
        turns = await asyncio.gather(
            *(it.answer(message("again", external_id="m1")) for _ in range(10))
        )
    assert len({turn.id for turn in turns}) == 1
    assert model.order == ["again"]


async def test_the_events_of_a_first_turn(tmp_path: Path, starter: Knowledge) -> None:
    async with engine(tmp_path, starter, SlowModel(intent="human_please"), SlowModel()) as (
        it,
        store,
    ):
        await it.answer(message("转人工"))
        stored = await store.events_after("rest", "u")
    told = [(e.event.name, e.event.data.get("name")) for e in stored]
    assert told == [
        ("action", "action_session_start"),
        ("session_started", None),
        ("action", "action_listen"),
        ("user", None),
        ("slot", "language"),
        ("action", "action_handoff"),
        ("action", "utter_handoff"),
        ("bot", None),
        ("action", "action_listen"),
    ]
