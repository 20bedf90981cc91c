from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels import split

UNITS = [split.characters, split.utf8, split.utf16]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


def without_space(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("unit", UNITS)
@given(text=TEXTS, limit=st.integers(4, 60))
@settings(deadline=None)
def test_pieces_fit_and_nothing_is_lost(unit: split.Unit, text: str, limit: int) -> None:
    pieces = split.split(text, limit, unit)
    assert all(piece.strip() and unit(piece) <= limit for piece in pieces)
    assert without_space("".join(pieces)) == without_space(text)


@given(text=TEXTS, limit=st.integers(1, 3))
@settings(deadline=None)
def test_text_messages_fit(text: str, limit: int) -> None:
    pieces = split.split(text * 3, limit, split.sms_segments)
    assert all(split.sms_segments(piece) <= limit for piece in pieces)
    assert without_space("".join(pieces)) == without_space(text * 3)


@given(text=TEXTS, limit=st.integers(40, 60))
@settings(deadline=None)
def test_graphemes_that_fit_stay_whole(text: str, limit: int) -> None:
    whole = [g for g in regex.findall(r"\X", text.strip()) if g.strip()]
    if any(len(g) > limit for g in whole):
        return
    pieces = split.split(text, limit)
    torn = [g for piece in pieces for g in regex.findall(r"\X", piece) if g.strip()]
    assert without_space("".join(torn)) == without_space("".join(whole))
    assert len(torn) <= len(whole) + len(pieces)


def test_a_paragraph_is_the_best_place() -> None:
    text = "One sentence. Another.\n\nThe second paragraph. It ends."
    assert split.split(text, 45) == ["One sentence. Another.", "The second paragraph. It ends."]


def test_then_a_sentence_in_either_language() -> None:
    assert split.split("Your parcel left. It comes soon, we hope.", 30) == [
        "Your parcel left.",
        "It comes soon, we hope.",
    ]
    assert split.split("您的包裹已经发出。预计明天送到，请留意。", 12) == [
        "您的包裹已经发出。",
        "预计明天送到，请留意。",
    ]


def test_then_a_word_and_then_a_grapheme() -> None:
    assert split.split("alpha beta gamma", 12) == ["alpha beta", "gamma"]
    assert split.split("abcdefghij", 4) == ["abcd", "efgh", "ij"]


def test_a_family_is_not_torn() -> None:
    family = "👨‍👩‍👧"
    assert split.split(family * 3, 6) == [family, family, family]
    assert split.split(family * 2, 20, split.utf8) == [family, family]


def test_a_grapheme_that_cannot_fit_is_cut_between_characters() -> None:
    assert split.split("e" + "\u0301" * 7, 4) == ["e\u0301\u0301\u0301", "\u0301" * 4]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_blank_text_is_no_piece(text: str) -> None:
    assert split.split(text, 10) == []


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 153, 3),  # 76 escape sequences fill a part, not 76.5
        ("你" * 70, 1),
        ("你" * 71, 2),
        ("你" * 134, 2),
        ("你" * 135, 3),
        ("🙂" * 35, 1),
        ("🙂" * 66, 2),
        ("🙂" * 67, 3),  # 33 pairs fill a part of 67 units
        ("", 1),
    ],
)
def test_segments_are_those_of_the_carrier(text: str, segments: int) -> None:
    assert split.sms_segments(text) == segments


def test_units_count_differently() -> None:
    text = "你好🙂"
    assert [unit(text) for unit in UNITS] == [3, 10, 4]


def test_titles_are_shortened_with_an_ellipsis() -> None:
    assert split.shorten("Track  my\nparcel", 20) == "Track my parcel"
    assert split.shorten("Where is my parcel now", 12) == "Where is my…"
    assert split.shorten("我的包裹现在在哪里", 12, split.utf8) == "我的包…"
    assert split.shorten("👨‍👩‍👧👨‍👩‍👧", 6) == "👨‍👩‍👧…"


def test_a_limit_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="limit of 3"):
        split.split("x", 3)
