"""Marks in examples, as Rasa reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import errors
from classifier.entities import annotation


@pytest.mark.parametrize(
    ("marked", "text", "entities"),
    [
        ("no mark", "no mark", []),
        ("  where is [my parcel](item)? ", "where is my parcel?", [("item", "my parcel", 9, 18)]),
        ("查[上海](城市)的门店", "查上海的门店", [("城市", "上海", 1, 3)]),
        ("to [NYC](city:New York)", "to NYC", [("city", "New York", 3, 6)]),
        ('order [A-1]{"entity": "order"}', "order A-1", [("order", "A-1", 6, 9)]),
        ('[ten]{"entity": "n", "value": "10"} x', "ten x", [("n", "10", 0, 3)]),
        ("[a](x)[b](y)", "ab", [("x", "a", 0, 1), ("y", "b", 1, 2)]),
        ("a [bracket] stays", "a [bracket] stays", []),
        ("[a] (b)", "[a] (b)", []),
    ],
)
def test_marks_are_read_and_removed(
    marked: str, text: str, entities: list[tuple[str, str, int, int]]
) -> None:
    found = annotation.read(marked)
    assert found.text == text == annotation.plain(marked)
    assert [(e.entity, e.value, e.start, e.end) for e in found.entities] == entities


def test_roles_and_groups_are_read() -> None:
    found = annotation.read(
        'from [Lyon]{"entity": "city", "role": "from", "group": "1"} '
        'to [Metz]{"entity": "city", "role": "to", "value": "metz"}'
    )
    assert found.text == "from Lyon to Metz"
    assert [e.to_wire() for e in found.entities] == [
        {"entity": "city", "start": 5, "end": 9, "role": "from", "group": "1", "value": "Lyon"},
        {"entity": "city", "start": 13, "end": 17, "role": "to", "value": "metz"},
    ]


def test_one_piece_may_be_several_entities() -> None:
    found = annotation.read('[Berlin][{"entity": "city"}, {"entity": "state", "role": "x"}]')
    assert found.text == "Berlin"
    assert [(e.entity, e.role, e.start, e.end) for e in found.entities] == [
        ("city", None, 0, 6),
        ("state", "x", 0, 6),
    ]


@pytest.mark.parametrize(
    ("marked", "problem"),
    [
        ("[a]{entity: b}", "is no JSON"),
        ('[a]{"role": "b"}', "names no entity"),
        ('[a]{"entity": 5}', "names no entity"),
        ('[a]{"entity": "b", "rolle": "c"}', "unknown key 'rolle'"),
    ],
)
def test_a_mark_that_cannot_be_read_says_why(marked: str, problem: str) -> None:
    with pytest.raises(errors.DatasetError, match=problem) as caught:
        annotation.read(marked)
    assert "Write [text](entity)" in caught.value.hint


words = st.text(st.characters(exclude_characters="[]\n\r", exclude_categories=["C"]), min_size=1)


@given(st.lists(st.tuples(words, st.sampled_from(["", "(city)", '{"entity": "city"}']))))
def test_the_pieces_stand_where_they_say(pieces: list[tuple[str, str]]) -> None:
    marked = "-" + " ".join(f"[{text}]{mark}" if mark else f"<{text}>" for text, mark in pieces)
    found = annotation.read(marked)
    wanted = [text for text, mark in pieces if mark]
    assert [found.text[e.start : e.end] for e in found.entities] == wanted
