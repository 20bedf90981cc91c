"""Words from the company's own server (`nlg:` in endpoints.yml), over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import errors
from bot.actions.nlg import RemoteResponder
from bot.config import Settings
from bot.dialogue import events
from bot.dialogue.history import Sight
from bot.dialogue.tracker import Tracker
from bot.domain import Message, Outcome
from bot.knowledge import reader
from bot.talking import Talking
from tests.conformance import replaying

FILES = {
    "domain.yml": (
        'version: "3.1"\nintents: [greet]\n'
        "responses:\n  utter_greet:\n  - text: from the domain\n    id: g1\n"
        "slots:\n  name:\n    type: text\n    mappings: [{type: custom}]\n"
    ),
    "data/rules.yml": (
        "rules:\n- rule: greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
    ),
    "config.yml": "policies:\n- name: RulePolicy\n",
}


class Words:
    """A server as Rasa's example of one: makes words of what it is told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def say(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        self.headers.append({"token": request.query.get("token", ""), **request.headers})
        name = asked["tracker"]["slots"]["name"]
        match asked["response"]:
            case "utter_broken":
                return web.Response(text="<html>")
            case "utter_failing":
                return web.json_response({"text": "no words"}, status=500)
            case "utter_silent":
                return web.json_response({})
            case "utter_list":
                return web.json_response(["words"])
        return web.json_response(
            {
                "text": f"{asked['response']} for {name} on {asked['channel']['name']}",
                "buttons": [{"title": "Yes", "payload": "/affirm"}],
            }
        )


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
async def server(words: Words) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_post("/nlg", words.say)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


def write(root: Path, url: str) -> None:
    endpoints = f"nlg:\n  url: {url}\n  token: secret\n  headers:\n    X-Shop: one\n"
    for name, content in (FILES | {"endpoints.yml": endpoints}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


async def responder_of(root: Path) -> tuple[RemoteResponder, Tracker]:
    knowledge = reader.read(root)
    talking = Talking(Settings(project=root, data=root))
    dialogue = talking.dialogue(knowledge)
    await talking.close()
    tracker = Tracker("anna", dialogue.domain, Sight())
    tracker.update(events.slot("name", "Anna"))
    assert isinstance(dialogue.responder, RemoteResponder)
    return dialogue.responder, tracker


async def test_the_server_is_told_the_conversation_and_its_words_are_said(
    tmp_path: Path, words: Words, server: TestServer
) -> None:
    write(tmp_path, str(server.make_url("/nlg")))
    responder, tracker = await responder_of(tmp_path)
    said = await responder.say("utter_greet", tracker, "rest", {"amount": 3})
    assert said == {
        "text": "utter_greet for Anna on rest",
        "buttons": [{"title": "Yes", "payload": "/affirm"}],
    }
    [asked] = words.asked
    assert (asked["id"], asked["arguments"]) == ("g1", {"amount": 3})
    assert asked["tracker"]["sender_id"] == "anna"
    assert asked["tracker"]["events"][-1]["value"] == "Anna"
    assert (words.headers[0]["token"], words.headers[0]["X-Shop"]) == ("secret", "one")


async def test_an_empty_object_says_nothing(
    tmp_path: Path, words: Words, server: TestServer
) -> None:
    write(tmp_path, str(server.make_url("/nlg")))
    responder, tracker = await responder_of(tmp_path)
    assert await responder.say("utter_silent", tracker, "rest", {}) is None
    assert len(words.asked) == 1


@pytest.mark.parametrize("response", ["utter_broken", "utter_failing", "utter_list"])
async def test_a_server_that_fails_is_an_error_that_names_the_place(
    tmp_path: Path, server: TestServer, response: str
) -> None:
    write(tmp_path, str(server.make_url("/nlg")))
    responder, tracker = await responder_of(tmp_path)
    with pytest.raises(errors.ActionError, match=response) as caught:
        await responder.say(response, tracker, "rest", {})
    assert "Check `nlg:` in endpoints.yml" in caught.value.hint
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_an_error(tmp_path: Path, unused_tcp_port: int) -> None:
    write(tmp_path, f"http://127.0.0.1:{unused_tcp_port}/nlg")
    responder, tracker = await responder_of(tmp_path)
    with pytest.raises(errors.ActionError, match="the NLG server failed"):
        await responder.say("utter_greet", tracker, "rest", {})


class NoWords:
    """A server of words that is away."""

    async def say(
        self, response: str, tracker: Tracker, channel: str, args: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        raise errors.ActionError(f"{response!r} for {tracker.sender} on {channel}: {args}")


async def test_a_visitor_hears_an_apology_when_the_server_is_away(tmp_path: Path) -> None:
    async with replaying.bot("01_responses", tmp_path, on_failure="apologise") as bot:
        box = bot.engine._box  # the brain is replaced as an edit would
        brain = box.brain
        box.replace(replace(brain, dialogue=replace(brain.dialogue_in_use, responder=NoWords())))
        message = Message(
            id="1", channel="rest", sender="anna", text="/greet", received_at=datetime.now(UTC)
        )
        turn = await bot.engine.answer(message)
    assert [reply.text[:24] for reply in turn.replies] == ["Sorry, that did not work"]
    assert turn.outcome is Outcome.HANDOFF
