from __future__ import annotations

import pytest

from bot.channels import plain
from bot.domain import BotMessage, Button

YES_NO = (Button(title="Yes", payload="/affirm"), Button(title="No", payload="/deny"))


def test_a_choice_becomes_a_list_in_the_language_of_the_text() -> None:
    assert (
        plain.numbered("Was that helpful?", YES_NO)
        == "Was that helpful?\nPlease reply with a number:\n1. Yes\n2. No"
    )
    chinese = (Button(title="查物流", payload="/a"), Button(title="退货", payload="/b"))
    assert plain.numbered("您想问哪一个？", chinese) == (
        "您想问哪一个？\n请回复序号：\n1. 查物流\n2. 退货"
    )
    assert plain.numbered("", chinese).startswith("请回复序号：")


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        (None, ""),
        ("https://shop.example/a.pdf", "https://shop.example/a.pdf"),
        (
            {"type": "video", "payload": {"title": "Setup", "src": "https://v.example/1"}},
            "Setup\nhttps://v.example/1",
        ),
        (
            {
                "type": "template",
                "payload": {
                    "elements": [
                        {"title": "Lamp", "subtitle": "49 €", "url": "https://s.example/lamp"},
                        {"title": "Chair"},
                    ]
                },
            },
            "Lamp\n49 €\nhttps://s.example/lamp\nChair",
        ),
        ({"weird": {"deep": 1}}, ""),
        (7, ""),
    ],
)
def test_an_attachment_becomes_its_titles_and_links(attachment: object, text: str) -> None:
    assert plain.attachment_text(attachment) == text


def test_a_whole_message_in_words() -> None:
    message = BotMessage(text="Look:", image="https://i.example/a.png", attachment="see §3")
    assert plain.as_text(message) == "Look:\n\nhttps://i.example/a.png\n\nsee §3"
    assert plain.as_text(BotMessage(custom={"a": 1})) == ""
