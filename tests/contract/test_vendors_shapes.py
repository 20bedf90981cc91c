"""What we would send, read by the vendors' own models: they refuse what the vendor refuses."""

from __future__ import annotations

from typing import Any

import pytest
from linebot.v3.messaging import PushMessageRequest, ReplyMessageRequest
from slack_sdk.models.blocks import Block

from bot.domain import BotMessage, Button
from tests.contract.samples import SAMPLES

CHANNELS = {sample.kind: sample.channel for sample in SAMPLES}
LONG = "Where is the parcel that I ordered last week? " * 200
CHINESE = "我上周订购的包裹现在到哪里了？" * 600


def choices(count: int, title: str, payload: str = "/answer") -> tuple[Button, ...]:
    return tuple(Button(title=f"{title} {n}", payload=f"{payload}{n}") for n in range(count))


MESSAGES = {
    "short": BotMessage(text="Hello & <welcome>"),
    "long": BotMessage(text=LONG),
    "Chinese": BotMessage(text=CHINESE),
    "one choice": BotMessage(text="Sure?", buttons=choices(1, "Yes")),
    "many choices": BotMessage(text="哪一个？", buttons=choices(25, "选项" * 50)),
    "too many choices": BotMessage(text="Which?", buttons=choices(120, "Choice")),
    "long payloads": BotMessage(text="Which?", buttons=choices(3, "Choice", "/" + "x" * 1990)),
    "choices without words": BotMessage(buttons=choices(3, "Choice")),
    "picture": BotMessage(image="https://i.example/a.png"),
    "picture that is no link": BotMessage(image="a.png"),
    "attachment": BotMessage(attachment={"payload": {"src": "https://i.example/a.pdf"}}),
    "everything": BotMessage(
        text=LONG, buttons=choices(4, "Choice"), image="https://i.example/a.png", attachment="b"
    ),
}


def pieces(kind: str, message: str) -> list[dict[str, Any]]:
    found = CHANNELS[kind]().render([MESSAGES[message]], {})
    assert found
    return found


@pytest.mark.parametrize("message", MESSAGES)
def test_slacks_models_take_our_blocks(message: str) -> None:
    for piece in pieces("slack", message):
        assert 0 < len(piece["text"]) <= 40_000
        for block in Block.parse_all(piece.get("blocks", [])):
            block.validate_json()


@pytest.mark.parametrize("message", MESSAGES)
def test_lines_models_take_our_messages(message: str) -> None:
    for piece in pieces("line", message):
        messages = piece["messages"]
        reply = ReplyMessageRequest.from_dict({"replyToken": "r1", "messages": messages})
        push = PushMessageRequest.from_dict({"to": "U1", "messages": messages})
        for read in (reply, push):
            assert read is not None
            assert read.to_dict()["messages"] == messages


@pytest.mark.parametrize("message", MESSAGES)
def test_telegrams_limits_are_kept(message: str) -> None:
    for piece in pieces("telegram", message):
        assert len(piece.get("text", "x").encode("utf-16-le")) <= 2 * 4096
        rows = piece.get("reply_markup", {}).get("inline_keyboard", [])
        assert sum(map(len, rows)) <= 100
        for row in rows:
            for button in row:
                assert button["text"]
                assert 1 <= len(button["callback_data"].encode()) <= 64


@pytest.mark.parametrize("message", MESSAGES)
def test_messengers_limits_are_kept(message: str) -> None:
    for piece in pieces("messenger", message):
        replies = piece.get("quick_replies", [])
        assert len(replies) <= 13
        assert all(0 < len(reply["title"]) <= 20 for reply in replies)
        assert len({reply["title"] for reply in replies}) == len(replies)


@pytest.mark.parametrize("message", MESSAGES)
def test_whatsapps_limits_are_kept(message: str) -> None:
    for piece in pieces("whatsapp", message):
        content = piece.get("interactive", {})
        buttons = content.get("action", {}).get("buttons", [])
        sections = content.get("action", {}).get("sections", [])
        rows = [row for section in sections for row in section["rows"]]
        titles = [b["reply"]["title"] for b in buttons] + [row["title"] for row in rows]
        assert len(buttons) <= 3
        assert len(rows) <= 10
        assert len(set(titles)) == len(titles)
        assert all(0 < len(button["reply"]["title"]) <= 20 for button in buttons)
        assert all(0 < len(row["title"]) <= 24 for row in rows)
        assert all(len(row.get("description", "")) <= 72 for row in rows)
        if content:
            assert 0 < len(content["body"]["text"]) <= 1024
