"""The tracker events of a turn, and the reasons that are kept with it."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import reasons, tracker
from bot.domain import (
    BotMessage,
    Button,
    Conversation,
    Decision,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Thresholds,
    Understanding,
    Versions,
)
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer

MESSAGE = Message(
    id="0" * 32,
    channel="widget",
    sender="s1",
    text="我的包裹在哪？",
    title="包裹",
    received_at=datetime(2026, 3, 1, tzinfo=UTC),
    metadata={"page": "/cart"},
)
CANDIDATE = Candidate(
    answer=PastAnswer(
        id="track_how",
        lang="zh",
        intent="track_parcel",
        questions=("怎么查？",),
        text="点链接。",
        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
        source="answers/delivery.csv:3",
    ),
    score=12.34567,
    cosine=0.9,
    matched="怎么查？",
    parts={"question": 0.912345, "intent": -0.1},
)
RANKING = tuple(RankedIntent(name=f"i{n}", confidence=(9 - n) / 45) for n in range(9))
REPLY = Reply(
    messages=(
        BotMessage(text="点链接。"),
        BotMessage(text="还有别的吗？", buttons=(Button(title="没有", payload="/deny"),)),
    ),
    decision=Decision(
        outcome=Outcome.ANSWER,
        reason=Reason.CONFIDENT,
        thresholds=Thresholds(answer=0.8, clarify=0.1, rule=0.7),
        actions=("action_answer", "utter_more"),
        answers=(CANDIDATE,),
    ),
    understanding=Understanding(
        language=Language.ZH,
        prediction=IntentPrediction(ranking=RANKING, model_id="head-1"),
        candidates=(CANDIDATE,),
        confidence=0.87654,
        versions=Versions(classifier="head-1", encoder="e5", knowledge="k1"),
        notes=("a remark",),
    ),
)


def talk(*, is_new: bool, **slots: Any) -> Conversation:
    return Conversation(id="c", channel="widget", sender="s1", is_new=is_new, slots=slots)


def told(conversation: Conversation, reply: Reply = REPLY) -> list[tuple[str, str | None]]:
    events = tracker.events_of(conversation, MESSAGE, reply)
    return [(event.name, event.data.get("name")) for event in events]


TURN = [
    ("action", "action_answer"),
    ("action", "utter_more"),
    ("bot", None),
    ("bot", None),
    ("action", "action_listen"),
]


def test_the_first_turn_starts_a_session_and_sets_the_language() -> None:
    assert told(talk(is_new=True)) == [
        ("action", "action_session_start"),
        ("session_started", None),
        ("action", "action_listen"),
        ("user", None),
        ("slot", "language"),
        *TURN,
    ]


def test_a_later_turn_sets_the_language_only_when_it_changed() -> None:
    assert told(talk(is_new=False, language="zh")) == [("user", None), *TURN]
    assert told(talk(is_new=False, language="en")) == [("user", None), ("slot", "language"), *TURN]


def test_the_user_event_says_what_was_understood() -> None:
    user = tracker.events_of(talk(is_new=False, language="zh"), MESSAGE, REPLY)[0].as_dict()
    assert user["event"] == "user"
    assert user["text"] == "我的包裹在哪？"
    assert (user["input_channel"], user["message_id"]) == ("widget", MESSAGE.id)
    assert user["metadata"] == {"page": "/cart", "title": "包裹"}
    parse = user["parse_data"]
    assert parse["intent"] == {"name": "i0", "confidence": 0.2}
    assert [intent["name"] for intent in parse["intent_ranking"]] == ["i0", "i1", "i2", "i3", "i4"]
    assert parse["entities"] == []
    assert user["timestamp"] == pytest.approx(time.time(), abs=5)


def test_without_a_prediction_the_intent_is_none() -> None:
    silent = dataclasses.replace(REPLY.understanding, prediction=None)
    reply = dataclasses.replace(REPLY, understanding=silent)
    user = tracker.events_of(talk(is_new=False, language="zh"), MESSAGE, reply)[0]
    assert user.data["parse_data"]["intent"] == {"name": None, "confidence": 0.0}


def test_bot_events_hold_text_buttons_and_outcome() -> None:
    events = tracker.events_of(talk(is_new=False, language="zh"), MESSAGE, REPLY)
    first, second = (event.data for event in events if event.name == "bot")
    assert first["text"] == "点链接。"
    assert first["data"] == {"buttons": []}
    assert second["data"] == {"buttons": [{"title": "没有", "payload": "/deny"}]}
    assert first["metadata"] == {"outcome": "answer", "answers": ["track_how"]}


def test_time_never_runs_backwards_within_a_turn() -> None:
    stamps = [event.timestamp for event in tracker.events_of(talk(is_new=True), MESSAGE, REPLY)]
    assert stamps == sorted(stamps)


def test_events_are_ready_for_json() -> None:
    events = tracker.events_of(talk(is_new=True), MESSAGE, REPLY)
    texts = json.dumps([event.as_dict() for event in events], ensure_ascii=False)
    assert "我的包裹在哪？" in texts


def test_the_reasons_survive_json_and_hold_all_that_led_to_the_reply() -> None:
    kept = reasons.explain(REPLY)
    assert json.loads(json.dumps(kept)) == kept
    assert kept["outcome"] == "answer"
    assert kept["reason"] == "confident"
    assert kept["answers"] == ["track_how"]
    assert kept["language"] == "zh"
    assert kept["confidence"] == 0.8765
    assert kept["thresholds"] == {"answer": 0.8, "clarify": 0.1, "rule": 0.7}
    assert kept["intents"][0] == {"name": "i0", "confidence": 0.2}
    assert kept["versions"] == {"classifier": "head-1", "encoder": "e5", "knowledge": "k1"}
    assert kept["notes"] == ["a remark"]
    assert kept["candidates"] == [
        {
            "id": "track_how",
            "lang": "zh",
            "intent": "track_parcel",
            "score": 12.3457,
            "matched": "怎么查？",
            "source": "answers/delivery.csv:3",
            "parts": {"question": 0.9123, "intent": -0.1},
        }
    ]


@pytest.mark.parametrize("zone", [None, "+08:00"])
def test_a_message_must_carry_utc(zone: str | None) -> None:
    moment = datetime.fromisoformat(f"2026-03-01T12:00:00{zone or ''}")
    with pytest.raises(ValueError, match="must be aware UTC"):
        dataclasses.replace(MESSAGE, received_at=moment)
