"""Conversations in both languages through clients that nobody here wrote."""

from __future__ import annotations

import json

import pytest

from tests.scenario import clients
from tests.scenario.conftest import Start
from tests.scenario.server import Server

ENGLISH, CHINESE = "Where is my parcel?", "我的包裹在哪里？"
ORIGIN = "https://shop.example"


@pytest.fixture(scope="session", autouse=True)
def _clients() -> None:
    clients.install()


@pytest.fixture
def talking(start: Start) -> Server:
    """A server with socket.io switched on."""
    socketio = {"session_key": "k" * 32, "allowed_origins": [ORIGIN]}
    return start(FRONTDESK_CHANNELS=json.dumps({"socketio": socketio}))


def words(reply: list[dict[str, object]]) -> str:
    return " ".join(str(message.get("text", "")) for message in reply)


@pytest.mark.parametrize("version", ["3", "4"])
def test_socketio_client(talking: Server, version: str) -> None:
    given = json.dumps({"session": None, "messages": [ENGLISH, CHINESE]})
    said = clients.run("socketio.js", version, talking.url, given)
    english, chinese = said["replies"]
    assert words(english) == " ".join(message["text"] for message in talking.say(ENGLISH))
    assert words(chinese) == " ".join(message["text"] for message in talking.say(CHINESE))
    again = clients.run(
        "socketio.js",
        version,
        talking.url,
        json.dumps({"session": said["session"], "messages": []}),
    )
    assert again["session"] == said["session"]
