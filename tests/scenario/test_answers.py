"""Past answers over HTTP with receipts, composed replies and follow-ups, with the real models."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bot import assembly
from bot.assembly import Parts
from bot.config import Settings
from bot.domain import Conversation, Message, Outcome, Reason, Reply
from bot.reasons import explain
from retrieval import search
from retrieval.candidate import PastAnswer
from tests.scenario.conftest import Start
from tests.scenario.server import Server

JSON = {"Content-Type": "application/json"}
KAYAK = {"id": "kayak", "questions": ["Do you rent out kayaks?", "kayak rental"]}


def put(server: Server, *answers: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"origin": "crm", "answers": list(answers)}).encode()
    sent = server.send("PUT", "/v1/answers", body, JSON)
    return sent.status, sent.json()


def test_a_write_gives_a_receipt_and_is_served_when_it_is_answered(start: Start) -> None:
    server = start()
    status, receipt = put(server, {**KAYAK, "answer": "By the hour."})
    assert (status, receipt["added"]) == (200, 1)
    assert "By the hour." in str(server.say("do you rent out kayaks?"))
    asked = {"text": "kayak rental", "min_revision": receipt["revision"]}
    best = server.post("/v1/answers/search", asked).json()["candidates"][0]
    assert (best["id"], best["text"]) == ("kayak", "By the hour.")
    assert put(server, {**KAYAK, "answer": "By the hour."})[1] == {
        "revision": receipt["revision"], "added": 0, "changed": 0, "unchanged": 1,
    }  # fmt: skip
    changed = put(server, {**KAYAK, "answer": "By the day."})[1]
    assert changed["revision"] > receipt["revision"]
    assert "By the day." in str(server.say("do you rent out kayaks?", sender="other"))
    removed = server.send("DELETE", "/v1/answers/kayak", None, {}).json()
    assert removed["removed"] == 1
    asked = {"text": "kayak rental", "min_revision": removed["revision"]}
    found = server.post("/v1/answers/search", asked).json()["candidates"]
    assert "kayak" not in [candidate["id"] for candidate in found]
    assert server.send("DELETE", "/v1/answers/kayak", None, {}).status == 404
    status, refused = put(server, {**KAYAK, "answer": "x", "lang": "fr"})
    assert status == 400
    assert "answer 1, column 'lang': unknown language 'fr'" in str(refused)
    long = server.post("/v1/answers/search", {"text": "kayak " * 5_000}).json()
    assert "30000 characters" in long["warnings"][0]


def test_the_api_needs_its_token(start: Start) -> None:
    server = start(FRONTDESK_SERVER__API_TOKEN="secret-token")
    assert put(server, {**KAYAK, "answer": "x"})[0] == 401
    assert server.post("/v1/answers/search", {"text": "kayak"}).status == 401
    headers = {"Authorization": "Bearer secret-token"}
    assert server.post("/v1/answers/search", {"text": "kayak"}, **headers).status == 200


@asynccontextmanager
async def ready(settings: Settings) -> AsyncIterator[Parts]:
    maker = assembly.BrainMaker(settings)
    knowledge = maker.read_knowledge()
    async with assembly.open_parts(settings) as parts:
        parts.box.replace(await asyncio.to_thread(maker.make, knowledge))
        try:
            yield parts
        finally:
            await maker.close()


def message(text: str, sender: str = "u") -> Message:
    return Message(id=uuid.uuid4().hex, channel="rest", sender=sender, text=text,
                   received_at=datetime.now(UTC))  # fmt: skip


async def said(parts: Parts, text: str) -> Reply:
    """The reply to `text` in a new conversation."""
    nobody = Conversation(id="", channel="rest", sender="u", is_new=True)
    return await parts.engine.reply(message(text), nobody, parts.box.brain)


async def test_edits_go_on_while_an_index_is_prepared_and_are_in_it_when_it_serves(
    settings: Settings,
) -> None:
    maker = assembly.BrainMaker(settings)
    knowledge = maker.read_knowledge()
    before = maker.make(knowledge)
    maker.prepare(knowledge, lambda _step, _share: None)  # in the server: beside what follows
    kayak = PastAnswer(id="kayak", lang="en", intent="", questions=("Do you rent kayaks?",),
                       text="By the hour.")  # fmt: skip
    maker.book.put([kayak], origin="crm")
    meanwhile = maker.followed(before)
    assert meanwhile is not None
    after = maker.make(knowledge, previous=meanwhile)
    served = [brain.retriever for brain in (before, meanwhile, after)]
    first, second, third = [one.segments[0] for one in served if isinstance(one, search.Retriever)]
    assert second is first
    assert third is not first
    assert [one.entry("kayak") for one in served] == [None, (kayak,), (kayak,)]
    await maker.close()


async def test_several_questions_get_sentences_of_several_answers_with_their_sources(
    settings: Settings,
) -> None:
    questions = {
        "How long does standard delivery take and can I pay by invoice later?": "From: ",
        "普通配送要多久，另外可以货后凭账单付款吗？": "出处：",
    }
    async with ready(settings) as parts:
        for question, source in questions.items():
            reply = await said(parts, question)
            assert reply.decision.outcome is Outcome.ANSWER
            assert reply.decision.reason is Reason.COMPOSED
            names = [part.candidate.answer.id for part in reply.decision.parts]
            assert names == ["delivery_standard", "pay_invoice_later"]
            texts = [one.text for one in reply.messages]
            assert len(texts) == 2
            for part, text in zip(reply.decision.parts, texts, strict=True):
                assert part.text
                assert part.text in part.candidate.answer.text  # word for word
                assert text == f"{part.text}\n{source}{part.candidate.answer.title}"
            told = explain(reply)["parts"]
            assert [part["answer"] for part in told] == names
            assert "answers/" in told[0]["source"]


async def test_composing_can_be_turned_off(settings: Settings) -> None:
    off = settings.model_copy(
        update={"policy": settings.policy.model_copy(update={"compose": 0.0})}
    )
    async with ready(off) as parts:
        reply = await said(
            parts, "How long does standard delivery take and can I pay by invoice later?"
        )
        assert reply.decision.reason is not Reason.COMPOSED


async def test_a_follow_up_is_read_with_the_question_before_it(settings: Settings) -> None:
    talks = [
        ("How do I cancel my order?", "what if it has already shipped?", "cancel_too_late"),
        ("怎么取消订单？", "如果已经发货了呢？", "cancel_too_late"),
        ("How much is shipping?", "Which payment methods do you accept?", "pay_options"),
    ]
    async with ready(settings) as parts:
        for number, (first, then, expected) in enumerate(talks):
            await parts.engine.answer(message(first, sender=f"visitor {number}"))
            turn = await parts.engine.answer(message(then, sender=f"visitor {number}"))
            best = turn.reasons["candidates"][0]["id"]
            assert best == expected
            notes = [note for note in turn.reasons["notes"] if "question before" in note]
            assert bool(notes) == (expected == "cancel_too_late")


def test_a_short_message_that_starts_a_flow_stands_for_itself(server: Server) -> None:
    flows = ("我要退货", "Where is my order?")
    for number, started in enumerate(flows):
        alone = server.say(started, sender=f"alone {number}")
        server.say("How long does delivery take?", sender=f"after a question {number}")
        after = server.say(started, sender=f"after a question {number}")
        assert [message["text"] for message in after] == [message["text"] for message in alone]


async def test_a_question_of_100_kb_is_cut_with_a_warning(settings: Settings) -> None:
    async with ready(settings) as parts:
        long = "how can I track my parcel? " * 4_000
        understood = await parts.engine.parse(long)
    assert understood.candidates[0].answer.id == "track_how"
    assert "108000 characters; the first 2000 were searched for" in understood.notes[0]


async def test_a_part_that_cannot_be_answered_composes_nothing(settings: Settings) -> None:
    async with ready(settings) as parts:
        reply = await said(parts, "How long does standard delivery take and who won the match?")
        assert reply.decision.reason is not Reason.COMPOSED
        assert reply.decision.parts == ()
