"""An integrator talks to the server over Rasa's REST channel."""

from __future__ import annotations

import json

import pytest

from tests.scenario.server import Server

WEBHOOK = "/webhooks/rest/webhook"


def test_answers_in_the_language_of_the_question(server: Server) -> None:
    [english] = server.say("where is my parcel?")
    [chinese] = server.say("我想退货，怎么操作？")
    assert "tracking link" in english["text"]
    assert "我的订单" in chinese["text"]
    assert english["recipient_id"] == "tester"


def test_a_reply_has_rasas_keys_only(server: Server) -> None:
    [reply] = server.say("where is my parcel?")
    assert set(reply) == {"recipient_id", "text"}


def test_sender_defaults_as_in_rasa(server: Server) -> None:
    answer = server.post(WEBHOOK, {"message": "hello"})
    assert answer.json()[0]["recipient_id"] == "default"


def test_streams_newline_delimited_objects(server: Server) -> None:
    answer = server.post(f"{WEBHOOK}?stream=true", {"sender": "s", "message": "hello"})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert [json.loads(line)["recipient_id"] for line in answer.body.splitlines()] == ["s"]


def asked_back(server: Server, sender: str) -> list[dict[str, str]]:
    """The buttons of a clarification; which vague word gets one depends on the trained model."""
    for word in ("delivery", "invoice", "my order", "discount", "password"):
        [reply] = server.say(word, sender=sender)
        if "buttons" in reply and len(reply["buttons"]) > 1:
            buttons: list[dict[str, str]] = reply["buttons"]
            return buttons
    raise AssertionError("no vague word was asked back")


def test_a_clarification_offers_buttons_that_answer(server: Server) -> None:
    offers = asked_back(server, "buttons")
    assert 2 <= len(offers) <= 4
    [answer] = server.say(offers[0]["payload"], sender="buttons")
    assert "buttons" not in answer


def test_none_of_these_is_declined(server: Server) -> None:
    offers = asked_back(server, "none")
    [declined] = server.say(offers[-1]["payload"], sender="none")
    assert declined["text"]


def test_a_person_is_promised_when_asked_for(server: Server) -> None:
    [reply] = server.say("let me talk to a human please", sender="human")
    assert "person" in reply["text"].lower()


def test_a_repeated_message_id_gets_the_same_reply(server: Server) -> None:
    body = {"sender": "twice", "message": "where is my parcel?", "message_id": "m-1"}
    first, second = (server.post(WEBHOOK, body) for _ in range(2))
    assert first.json() == second.json()
    other = server.post(WEBHOOK, body | {"message": "我想退货，怎么操作？"})
    assert other.json() == first.json()


def test_parse_has_rasas_form(server: Server) -> None:
    parsed = server.post("/model/parse", {"text": "我想退货，怎么操作？"}).json()
    assert parsed["intent"]["name"] == "start_return"
    assert parsed["intent"] == parsed["intent_ranking"][0]
    assert len(parsed["intent_ranking"]) == 10
    assert parsed["entities"] == []


def test_rest_health(server: Server) -> None:
    assert server.get("/webhooks/rest/").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 413),
        (b"[" * 50_000, 400),
        (b'{"sender": "u"}', 400),
        (b'{"message": 7}', 400),
        (b'{"message": null}', 400),
        (b'{"message": "hi", "sender": ""}', 400),
        (b'{"message": "hi", "tenant": "other"}', 400),
        (b'{"message": ""}', 422),
        (b'{"message": " \\n\\t "}', 422),
        (b'{"message": "\\u0000\\u0007"}', 422),
        (b'{"message": "hi", "sender": "\\u0000"}', 422),
        (b'{"message": "' + b"x" * 3000 + b'"}', 422),
        (b'{"message": "' + b"x" * 100_000 + b'"}', 413),
        (b'{"message": "\\ud800"}', 400),
        (b'{"message": "hi", "metadata": {"n": NaN}}', 400),
    ],
)
def test_bad_input_is_refused_in_rasas_error_form(server: Server, body: bytes, status: int) -> None:
    answer = server.post(WEBHOOK, body)
    assert answer.status == status, answer.body
    error = answer.json()
    assert error["status"] == "failure"
    assert error["code"] == status
    assert error["message"]
    assert error["help"]


def test_another_content_type_is_refused(server: Server) -> None:
    answer = server.send("POST", WEBHOOK, b'{"message": "hi"}', {"Content-Type": "text/plain"})
    assert answer.status == 400
    assert "application/json" in answer.json()["help"]


def test_another_method_is_refused(server: Server) -> None:
    answer = server.get(WEBHOOK)
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


def test_control_characters_and_huge_numbers_are_harmless(server: Server) -> None:
    body = b'{"sender": "odd", "message": "hel\\u0000lo", "metadata": {"n": 1e400}}'
    assert server.post(WEBHOOK, body).status in (200, 400)
    big = {"sender": "odd", "message": "hello", "metadata": {"n": 2**80, "deep": [[[[]]]]}}
    assert server.post(WEBHOOK, big).status in (200, 400)
    assert server.say("hello", sender="odd")


def test_a_choice_can_be_made_by_its_number(server: Server) -> None:
    *_, asked = server.say("payment", sender="by button")
    second = asked["buttons"][1]
    pressed = server.say(second["payload"], sender="by button")
    for number in ("2", "（2）"):
        server.say("payment", sender=f"by number {number}")
        written = server.say(number, sender=f"by number {number}")
        assert [message["text"] for message in written] == [message["text"] for message in pressed]
    unasked = server.say("2", sender="nobody asked")
    assert [message["text"] for message in unasked] != [message["text"] for message in pressed]
