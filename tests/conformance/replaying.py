"""Plays a recorded conversation through the real engine, with the project's actions running."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import assembly, spoken
from bot.assembly import Parts
from bot.brain import Brain, BrainBox
from bot.config import Actions, Settings
from bot.dialogue.dialogue import Extractor
from bot.dialogue.tracker import Tracker
from bot.domain import Event, Message
from bot.engine import Engine
from bot.gateway.reminding import Reminding
from bot.inference import ModelThread
from bot.knowledge import reader
from bot.steering import Steering
from bot.store import open_store
from bot.talking import Talking
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, Excerpt, PastAnswer, Query, Wanted
from tests.conformance.differences import HIDDEN_KEYS

HERE = Path(__file__).parent
CHANNEL = "rest"
DROPPED_METADATA = {"model_id", "assistant_id"}


@dataclass
class Recorded:
    """Stands where the classifier stands: says what Rasa's classifier said when it was recorded."""

    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_id: str = "recorded"

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> IntentPrediction:
        said = self.said[text]
        ranked = [RankedIntent(name=name, confidence=value) for name, value in said.items()]
        return IntentPrediction(ranking=tuple(ranked), model_id=self.model_id)


@dataclass
class RecordedEntities:
    """Finds what Rasa's trained extractor found, where one was asked; else what ours find."""

    ours: Extractor
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def extract(self, text: str) -> Sequence[Any]:
        if text not in self.said:
            return self.ours.extract(text)
        return [_Found(entity) for entity in self.said[text]]


@dataclass
class _Found:
    wire: dict[str, Any]

    def to_wire(self) -> dict[str, Any]:
        return self.wire


@dataclass
class NoAnswers:
    """Stands where the retriever stands: these projects have no past answers."""

    revision: str = "none"
    encoder_id: str = "none"

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        return [[] for _ in queries]

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        return None

    def of_intent(self, intent: str) -> list[PastAnswer]:
        return []

    def excerpts(self, wanted: Sequence[Wanted]) -> list[Excerpt]:
        return []


@dataclass
class Bot:
    """An engine with one project."""

    engine: Engine
    steering: Steering
    classifier: Recorded
    entities: RecordedEntities
    parts: Parts
    """The same, as the web sees it."""
    has_trained_extractor: bool
    """Whether Rasa's entities came from a network; then they are taken as recorded."""


@asynccontextmanager
async def bot(
    name: str,
    folder: Path,
    *,
    with_actions: bool = True,
    on_failure: str = "ignore",
    with_reminders: bool = True,
) -> AsyncIterator[Bot]:
    """The engine with a copy of the project `name`, its actions run beside."""
    root = folder / "project"
    shutil.copytree(HERE / "projects" / name, root)
    (root / "endpoints.yml").unlink()
    settings = Settings(
        project=root,
        data=folder,
        actions=Actions(on_failure=on_failure, run_beside=with_actions),
    )
    knowledge = reader.read(root)
    talking = Talking(settings)
    classifier = Recorded()
    dialogue = talking.dialogue(knowledge)
    entities = RecordedEntities(ours=dialogue.extractor)
    box = BrainBox()
    box.replace(
        Brain(
            knowledge=knowledge,
            classifier=classifier,
            retriever=NoAnswers(),
            dialogue=replace(dialogue, extractor=entities),
        )
    )
    store = open_store(f"sqlite:///{folder / 'replay.db'}")
    classifying, searching = ModelThread("c", max_waiting=9), ModelThread("r", max_waiting=9)
    engine = Engine(
        store,
        box,
        assembly.rules_of(settings),
        classifying=classifying,
        searching=searching,
        deadline_s=5,
    )
    steering = Steering(engine)
    reminding = Reminding(store.reminders, engine, box, owner="replay", is_shared=False)
    watching = asyncio.create_task(reminding.run()) if with_reminders else None
    try:
        yield Bot(
            engine=engine,
            steering=steering,
            classifier=classifier,
            entities=entities,
            parts=Parts(
                settings=settings,
                store=store,
                box=box,
                engine=engine,
                steering=steering,
                classifying=classifying,
                searching=searching,
            ),
            has_trained_extractor=(root / "config.yml").read_text().count("CRFEntityExtractor") > 0,
        )
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await reminding.stop()
        classifying.close()
        searching.close()
        await talking.close()
        await store.close()


@dataclass
class Played:
    """What a turn came to, as the traces show it."""

    status: int
    replies: Any
    events: list[dict[str, Any]]
    tracker: Tracker


async def play(bot: Bot, sender: str, turn: dict[str, Any], before: int) -> Played:
    """Play one recorded turn; `before` is how many events the conversation had."""
    step = turn["step"]
    status, replies = 200, None
    if "wait" in step:
        await asyncio.sleep(step["wait"])
    elif "user" in step:
        replies = await _say(bot, sender, turn)
    elif "parse" in step:
        await bot.steering.log(CHANNEL, sender, step["parse"]["text"], parse=step["parse"])
    elif "trigger_intent" in step:
        wanted = step["trigger_intent"]
        stored, _ = await bot.steering.trigger(
            CHANNEL, sender, wanted["name"], wanted.get("entities")
        )
        replies = _replies(sender, [one.event for one in stored.events])
    elif "execute" in step and before == 0:
        status = 404  # there is no such conversation
    elif "execute" in step:
        stored, _ = await bot.steering.execute(CHANNEL, sender, step["execute"]["name"])
        replies = _replies(sender, [one.event for one in stored.events])
    else:
        await bot.steering.append(CHANNEL, sender, step["events"])
    tracker = await bot.engine.look(CHANNEL, sender)
    new = [normal(event, sender) for event in tracker.tail[before:]]
    if turn.get("nlu") == "classifier":  # whose confidence was not recorded
        for event in new:
            event.get("parse_data", {}).get("intent", {}).pop("confidence", None)
    return Played(status=status, replies=replies, events=new, tracker=tracker)


async def _say(bot: Bot, sender: str, turn: dict[str, Any]) -> Any:
    step = turn["step"]
    text = step["user"].strip()
    bot.classifier.said[text] = understood(turn)
    users = [event for event in turn["events"] if event["event"] == "user"]
    if users and (turn["nlu"] == "classifier" or bot.has_trained_extractor):
        bot.entities.said[text] = users[0]["parse_data"]["entities"]
    metadata = dict(step.get("metadata") or {})
    if step.get("channel"):
        metadata["input_channel"] = step["channel"]
    stored = await bot.engine.answer(
        Message(
            id=uuid.uuid4().hex,
            channel=CHANNEL,
            sender=sender,
            text=text,
            received_at=datetime.now(UTC),
            metadata=metadata,
        )
    )
    return _replies(sender, [one.event for one in stored.events])


def understood(turn: dict[str, Any]) -> dict[str, float]:
    """The intents that were recorded, the likeliest first; for `Recorded`."""
    users = [event for event in turn["events"] if event["event"] == "user"]
    if not users:
        return {}
    parse = users[0]["parse_data"]
    intent = parse["intent"]["name"]
    key = (parse.get("response_selector") or {}).get(intent, {}).get("intent_response_key")
    name = key or intent
    if name != "nlu_fallback":
        return {name: 1.0} if name else {}
    offered = json.dumps(turn["replies"]).partition("Did you mean '")[2].partition("'")[0]
    return {offered or "greet": 0.01}


def _replies(sender: str, happened: Sequence[Event]) -> list[dict[str, Any]]:
    said = [
        {"recipient_id": sender, **part}
        for event in happened
        if event.name == "bot"
        for part in spoken.parts(event.data)
    ]
    result: list[dict[str, Any]] = _anonymous(said, sender)
    return result


def normal(event: Event, sender: str) -> dict[str, Any]:
    """An event as the traces show it; see README.md, "What was normalised"."""
    shown: dict[str, Any] = {}
    for key, value in event.as_dict().items():
        if key in ("timestamp", "message_id") or key in HIDDEN_KEYS.get(event.name, ()):
            continue
        if key == "parse_data":
            shown[key] = _parse(value)
        elif key == "metadata":
            kept = {name: one for name, one in value.items() if name not in DROPPED_METADATA}
            if kept:
                shown[key] = kept
        elif key == "confidence" and isinstance(value, float):
            shown[key] = round(value, 2)
        elif key == "date_time":
            shown[key] = "<datetime>"
        else:
            shown[key] = value
    result: dict[str, Any] = _anonymous(shown, sender)
    return result


def _parse(parse: dict[str, Any]) -> dict[str, Any]:
    intent = parse.get("intent") or {}
    shown: dict[str, Any] = {"intent": {"name": intent.get("name")}}
    if str(parse.get("text")).startswith("/") and "confidence" in intent:
        shown["intent"]["confidence"] = intent["confidence"]
    shown["entities"] = [
        {key: value for key, value in entity.items() if not key.startswith("confidence")}
        for entity in parse.get("entities") or []
    ]
    return shown


def _anonymous(value: Any, sender: str) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False).replace(sender, "<sender>"))


def as_recorded(event: dict[str, Any]) -> dict[str, Any]:
    """A recorded event without what is not compared: whom the classifiers' selectors chose."""
    if event["event"] != "user":
        return event
    parse = {k: v for k, v in event["parse_data"].items() if k != "response_selector"}
    return {**event, "parse_data": parse}
