from __future__ import annotations

from typing import Any

import pytest

from bot import choices
from bot.domain import Button, Event, StoredEvent


def stored(*events: tuple[str, dict[str, Any]]) -> list[StoredEvent]:
    return [
        StoredEvent(seq=seq, event=Event(name=name, timestamp=0.0, data=data))
        for seq, (name, data) in enumerate(events)
    ]


def bot(*titles: str) -> tuple[str, dict[str, Any]]:
    buttons = [{"title": title, "payload": f"/{title}"} for title in titles]
    return "bot", {"text": "Which?", "data": {"buttons": buttons}}


ASKED = stored(("user", {}), ("slot", {}), bot("old"), ("user", {}), bot("a"), bot(), bot("b", "c"))


@pytest.mark.parametrize(
    ("words", "number"),
    [("2", 2), (" 2. ", 2), ("(2)", 2), ("（２）", 2), ("#12", 12), ("2、", 2), ("02", 2)],
)
def test_numbers_are_read_as_people_write_them(words: str, number: int) -> None:
    assert choices.number_in(words) == number


@pytest.mark.parametrize(
    "words", ["", "two", "2 parcels", "123", "1.5", "-1", "2?", "²", "Ⅱ", "二"]
)
def test_other_words_are_no_number(words: str) -> None:
    assert choices.number_in(words) is None


def test_the_buttons_of_the_last_reply_are_counted_in_their_order() -> None:
    assert [button.title for button in choices.offered(ASKED)] == ["a", "b", "c"]
    assert choices.chosen("2", ASKED) == Button(title="b", payload="/b")


@pytest.mark.parametrize("words", ["0", "4", "b", "99"])
def test_what_was_not_offered_is_not_chosen(words: str) -> None:
    assert choices.chosen(words, ASKED) is None


def test_without_a_question_a_number_is_a_number() -> None:
    assert choices.chosen("1", []) is None
    assert choices.chosen("1", stored(bot("a"), ("user", {}), ("bot", {"data": None}))) is None
