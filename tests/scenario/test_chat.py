"""The widget's API without a browser: sessions, idempotent messages, the event stream."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.scenario.server import Answer, Server


def session(server: Server) -> dict[str, str]:
    answer = server.post("/v1/sessions", {})
    assert answer.status == 201
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def send(server: Server, headers: dict[str, str], client_id: str, text: str) -> Answer:
    return server.post("/v1/messages", {"id": client_id, "text": text}, **headers)


def stream(server: Server, headers: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The first `count` events of the stream."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{server.url}/v1/events", headers=headers
    )
    events: list[dict[str, Any]] = []
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        assert response.headers["Content-Type"].startswith("text/event-stream")
        while len(events) < count:
            line = response.readline().decode()
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
    return events


def test_a_message_comes_back_with_its_reply(server: Server) -> None:
    headers = session(server)
    answer = send(server, headers, "message-1", "where is my parcel?")
    mine, reply = answer.json()["messages"]
    assert (mine["from"], mine["text"], mine["client_id"]) == (
        "visitor",
        "where is my parcel?",
        "message-1",
    )
    assert reply["from"] == "bot"
    assert reply["outcome"] == "answer"
    assert reply["id"] > mine["id"]


def test_sending_again_changes_nothing(server: Server) -> None:
    headers = session(server)
    first = send(server, headers, "message-1", "hello")
    second = send(server, headers, "message-1", "hello")
    assert first.json() == second.json()
    assert len(stream(server, headers, 2)) == 2


def test_the_stream_replays_history_and_goes_on_after_the_last_seen(server: Server) -> None:
    headers = session(server)
    send(server, headers, "message-1", "hello")
    history = stream(server, headers, 2)
    send(server, headers, "message-2", "我想退货，怎么操作？")
    later = stream(server, headers | {"Last-Event-ID": str(history[-1]["id"])}, 2)
    assert history[0]["text"] == "hello"
    assert later[0]["text"] == "我想退货，怎么操作？"


@pytest.mark.parametrize("header", ["-1", "x", "9" * 40, "1.5"])
def test_a_strange_last_event_id_replays_the_history(server: Server, header: str) -> None:
    headers = session(server)
    send(server, headers, "message-1", "hello")
    assert stream(server, headers | {"Last-Event-ID": header}, 1)[0]["text"] == "hello"


def test_nobody_reads_anothers_conversation(server: Server) -> None:
    one, other = session(server), session(server)
    send(server, one, "message-1", "my secret is 4711")
    send(server, other, "message-2", "hello")
    assert stream(server, other, 2)[0]["text"] == "hello"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x.y.z",
        "Basic dXNlcjpwYXNz",
        # alg none
        "Bearer eyJhbGciOiJub25lIn0"
        ".eyJzdWIiOiJhIiwiYXVkIjoiZnJvbnRkZXNrLXdpZGdldCIsImV4cCI6OTk5OTk5OTk5OX0.",
    ],
)
def test_a_token_that_is_not_ours_is_refused(server: Server, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert send(server, headers, "message-1", "hello").status == 401
    assert server.send("GET", "/v1/events", None, headers).status == 401


def test_an_altered_token_is_refused(server: Server) -> None:
    token = session(server)["Authorization"]
    head, claims, signature = token.split(".")
    altered = "A" if signature[0] != "A" else "B"
    headers = {"Authorization": f"{head}.{claims}.{altered}{signature[1:]}"}
    assert send(server, headers, "message-1", "hello").status == 401


def test_a_pressed_button_shows_its_title(server: Server) -> None:
    headers = session(server)
    body = {"id": "message-1", "text": "Track it", "payload": '/answer{"id":"track_how"}'}
    mine, reply = server.post("/v1/messages", body, **headers).json()["messages"]
    assert mine["text"] == "Track it"
    assert "tracking link" in reply["text"]


def test_unknown_origins_get_no_cors_headers(server: Server) -> None:
    headers = session(server) | {"Origin": "https://evil.example"}
    answer = server.post("/v1/sessions", {}, **headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_bad_messages_are_explained(server: Server) -> None:
    headers = session(server)
    for body in ({"id": "x", "text": "hi"}, {"id": "message-1"}, {"id": "message-1", "text": ""}):
        answer = server.post("/v1/messages", body, **headers)
        assert answer.status in (400, 422)
        assert answer.json()["error"]["hint"]
