"""Rasa's HTTP API over a real server socket, compared with what Rasa 3.6 answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from bot import errors
from bot.config import Server
from bot.web.app import create_app
from tests.conformance import replaying

Client = TestClient[web.Request, web.Application]


def refuse_to_fail(cause: errors.FrontdeskError) -> None:
    """Nothing is made in the background here, so nothing can fail there."""
    raise cause


@asynccontextmanager
async def api(
    folder: Path, server: Server | None = None, channels: dict[str, dict[str, Any]] | None = None
) -> AsyncIterator[Client]:
    """The API over the project 01_responses."""
    async with replaying.bot("01_responses", folder) as bot:
        settings = bot.parts.settings.model_copy(update={"channels": channels or {}})
        if server is not None:
            settings = settings.model_copy(update={"server": server})
        app = create_app(
            replace(bot.parts, settings=settings), on_failure=refuse_to_fail, follows=False
        )
        async with TestClient(TestServer(app)) as client:
            yield client


async def say(client: Client, message: str) -> Any:
    """What REST answers to a message of Ann."""
    answer = await client.post("/webhooks/rest/webhook", json={"sender": "ann", "message": message})
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_conversation_can_be_looked_at_and_acted_on(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        assert await say(client, '/tell_name{"name": "Ann"}') == [
            {"recipient_id": "ann", "text": "Hello Ann, this is the help desk."}
        ]
        shown = await (await client.get("/conversations/ann/tracker?include_events=ALL")).json()
        assert shown["slots"]["name"] == "Ann"
        assert shown["latest_message"]["intent"] == {"name": "tell_name", "confidence": 1.0}
        assert [event["event"] for event in shown["events"]][:3] == [
            "action",
            "session_started",
            "action",
        ]
        body = {"name": "tell_name", "entities": {"name": "Bob"}}
        done = await (await client.post("/conversations/ann/trigger_intent", json=body)).json()
        assert done["messages"] == [
            {"recipient_id": "ann", "text": "Hello Bob, this is the help desk."}
        ]
        one = {"event": "slot", "name": "tier", "value": "gold"}
        shown = await (await client.post("/conversations/ann/tracker/events", json=one)).json()
        assert shown["slots"]["tier"] == "gold"
        done = await (
            await client.post("/conversations/ann/execute", json={"name": "utter_greet"})
        ).json()
        assert done["messages"][0]["text"] == "Hello, this is the help desk."
        story = await (await client.get("/conversations/ann/story")).text()
        assert "intent: tell_name" in story
        predicted = await (await client.post("/conversations/ann/predict")).json()
        assert predicted["policy"] == "RulePolicy"
        assert {one["action"] for one in predicted["scores"]} >= {"action_listen", "utter_greet"}


async def test_a_message_is_noted_without_an_answer(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        body = {"text": "/greet", "sender": "user"}
        shown = await (await client.post("/conversations/ann/messages", json=body)).json()
        assert shown["latest_message"]["intent"]["name"] == "greet"
        assert shown["latest_action_name"] == "action_listen"


async def test_replaced_events_are_all_that_counts(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        await say(client, '/tell_name{"name": "Ann"}')
        sent = [
            {"event": "action", "name": "action_listen"},
            {"event": "slot", "name": "name", "value": "Put"},
        ]
        shown = await (await client.put("/conversations/ann/tracker/events", json=sent)).json()
        assert shown["slots"]["name"] == "Put"
        assert [event["event"] for event in shown["events"]] == ["action", "slot"]


WRONG: list[tuple[str, str, Any, int]] = [
    ("GET", "/conversations/ann/tracker?include_events=BOGUS", None, 400),
    ("GET", "/conversations/nobody/story", None, 404),
    ("POST", "/conversations/nobody/execute", {"name": "utter_greet"}, 404),
    ("POST", "/conversations/ann/trigger_intent", {"name": "nosuch"}, 404),
    ("POST", "/conversations/ann/trigger_intent", {"foo": 1}, 400),
    ("POST", "/conversations/ann/tracker/events", {"event": "nosuch"}, 400),
    ("POST", "/conversations/ann/tracker/events", {"event": "slot"}, 400),
    ("POST", "/conversations/ann/messages", {"text": "/greet", "sender": "bot"}, 400),
    ("POST", "/model/predict", {"event": "x"}, 400),
]


async def test_errors_have_rasas_shape(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        for method, path, body, status in WRONG:
            answer = await client.request(method, path, json=body)
            said = await answer.json()
            assert answer.status == status, (path, said)
            assert (said["version"], said["status"], said["code"]) == ("3.6.21", "failure", status)
            assert said.keys() >= {"message", "reason", "details", "help"}


async def test_the_domain_is_shown_as_json_and_yaml(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        shown = await (await client.get("/domain")).json()
        assert shown["version"] == "3.1"
        names = [next(iter(one)) if isinstance(one, dict) else one for one in shown["intents"]]
        assert names == sorted(names)
        answer = await client.get("/domain", headers={"Accept": "application/x-yaml"})
        assert "version: '3.1'" in await answer.text()
        assert (await client.get("/domain", headers={"Accept": "text/html"})).status == 406


async def test_the_token_opens_the_api(tmp_path: Path) -> None:
    async with api(tmp_path, Server(host="0.0.0.0", api_token=SecretStr("secret"))) as client:  # noqa: S104
        assert (await client.get("/conversations/ann/tracker")).status == 401
        assert (await client.get("/conversations/ann/tracker?token=wrong")).status == 401
        assert (await client.get("/conversations/ann/tracker?token=secret")).status == 200
        bearer = {"Authorization": "Bearer secret"}
        assert (await client.get("/domain", headers=bearer)).status == 200
        assert (await client.get("/version")).status == 200


async def test_without_a_token_only_this_machine_is_let_in(tmp_path: Path) -> None:
    async with api(tmp_path, Server(host="0.0.0.0")) as client:  # noqa: S104
        assert (await client.get("/domain")).status == 401


async def test_a_web_page_cannot_use_the_open_api(tmp_path: Path) -> None:
    async with api(tmp_path) as client:
        answer = await client.get("/domain", headers={"Origin": "https://evil.example"})
        assert answer.status == 401


async def test_a_conversation_is_that_of_the_channel_the_sender_used_last(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        heard.put_nowait((await request.json())["text"])
        return web.Response()

    receiver = web.Application()
    receiver.router.add_post("/bot", receive)
    async with TestServer(receiver) as own:
        callback = {"url": str(own.make_url("/bot")), "open_to_all": True}
        async with api(tmp_path, channels={"callback": callback}) as client:
            await say(client, "/greet")
            said = {"sender": "ann", "message": '/tell_name{"name": "Ann"}'}
            answer = await client.post("/webhooks/callback/webhook", json=said)
            assert await answer.text() == "success"
            assert await asyncio.wait_for(heard.get(), 30) == "Hello Ann, this is the help desk."
            shown = await (await client.get("/conversations/ann/tracker")).json()
            assert shown["latest_input_channel"] == "callback"
            assert shown["slots"]["name"] == "Ann"
            path = "/conversations/ann/trigger_intent"
            body = {"name": "tell_name", "entities": {"name": "Bob"}}
            done = await (await client.post(path, json=body)).json()
            assert [one["text"] for one in done["messages"]] == [
                "Hello Bob, this is the help desk."
            ]
            body["entities"] = {"name": "Cid"}
            done = await (await client.post(f"{path}?output_channel=latest", json=body)).json()
            assert "messages" not in done
            assert done["tracker"]["slots"]["name"] == "Cid"
            assert await asyncio.wait_for(heard.get(), 30) == "Hello Cid, this is the help desk."
            event = {"event": "bot", "text": "A person here.", "data": {}}
            path = "/conversations/ann/tracker/events"
            await client.post(f"{path}?output_channel=callback", json=event)
            await client.post(
                f"{path}?output_channel=callback&execute_side_effects=true",
                json=event | {"text": "Can you hear me?"},
            )
            assert await asyncio.wait_for(heard.get(), 30) == "Can you hear me?"
            body["entities"] = {"name": "Dan"}
            rest = "/conversations/ann/trigger_intent?output_channel=rest"
            done = await (await client.post(rest, json=body)).json()
            assert done["tracker"]["latest_input_channel"] == "rest"
            assert done["messages"][0]["text"] == "Hello Dan, this is the help desk."
