"""Cleaning of text, its language, and payloads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors, payload, text
from bot.domain import Language


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  hello \n", "hello"),
        ("a\x00b\x07c", "abc"),
        ("a\ud800b", "ab"),
        ("line\r\ntwo\tthree", "line\ntwo\tthree"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u202eevil\u202c", "evil"),
        ("退货👍", "退货👍"),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert text.clean(raw, max_chars=50) == cleaned


@pytest.mark.parametrize("raw", ["", "  ", "\n\t", "\x00\x01", "\ud800"])
def test_nothing_readable_is_refused(raw: str) -> None:
    with pytest.raises(errors.BadText, match="empty"):
        text.clean(raw, max_chars=50)


def test_the_longest_text_is_accepted_and_one_more_is_not() -> None:
    assert text.clean("x" * 50, max_chars=50) == "x" * 50
    with pytest.raises(errors.BadText, match="51 characters, at most 50"):
        text.clean("x" * 51, max_chars=50)
    with pytest.raises(errors.BadText, match="1000000 characters"):
        text.clean("x" * 1_000_000, max_chars=50)


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_what_is_clean_is_storable_and_stays_as_it_is(raw: str) -> None:
    try:
        cleaned = text.clean(raw, max_chars=100)
    except errors.BadText:
        return
    cleaned.encode()
    assert "\x00" not in cleaned
    assert text.clean(cleaned, max_chars=100) == cleaned


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("where is my parcel?", Language.EN),
        ("我的包裹在哪里", Language.ZH),
        ("我的包裹在哪裡", Language.ZH),
        ("我的order怎么还没ship", Language.ZH),
        ("how do I pay with 支付宝?", Language.EN),
        ("886", Language.EN),
    ],
)
def test_language(words: str, language: Language) -> None:
    assert text.language_of(words) is language


@pytest.mark.parametrize(
    "words",
    [
        "12345!",
        "WS10000101",
        "ws-20000204.",
        "li.wei@example.com",
        "https://shop.example/order?id=5",
        "A4 123",
    ],
)
def test_a_text_without_words_keeps_the_language_so_far(words: str) -> None:
    assert text.language_of(words, otherwise=Language.ZH) is Language.ZH
    assert text.language_of(words, otherwise=Language.EN) is Language.EN


@pytest.mark.parametrize(
    "words", ["单号WS10000101", "用wang.fang@example.com下的", "订单AB123在哪"]
)
def test_numbers_and_addresses_do_not_outvote_chinese(words: str) -> None:
    assert text.language_of(words) is Language.ZH


def test_payloads_come_back_as_they_were_made() -> None:
    made = payload.read(payload.choose_answer("track_how"))
    assert made is not None
    assert made.answer_id == "track_how"
    stated = payload.read(payload.state_intent("greet"))
    assert stated is not None
    assert (stated.name, stated.answer_id) == ("greet", None)


@pytest.mark.parametrize("words", ["hello", "/", "/greet now", "/answer{", "/answer[1]", "a/b"])
def test_what_a_person_typed_is_no_payload(words: str) -> None:
    assert payload.read(words) is None


@pytest.mark.parametrize("words", ['/answer{"id": 7}', "/answer{}", '/other{"id": "x"}'])
def test_a_payload_that_names_no_answer(words: str) -> None:
    found = payload.read(words)
    assert found is not None
    assert found.answer_id is None
