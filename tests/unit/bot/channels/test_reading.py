from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import errors
from bot.channels import reading

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner
        )
    ),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text('abc\\"u0d8'), JSON))
@settings(deadline=None)
def test_ordinary_json_is_read_as_it_is(value: dict[str, object]) -> None:
    assert reading.json_object(orjson.dumps(value)) == value


@given(body=st.binary())
@settings(deadline=None)
def test_anything_else_is_a_bad_request(body: bytes) -> None:
    try:
        reading.json_object(body)
    except errors.BadRequest:
        return


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'{"t":"\ud83d\ude00"}', "😀"),
        (rb'{"t":"a\ud83dz"}', "a\ufffdz"),
        (rb'{"t":"\udc00\ud83d"}', "\ufffd\ufffd"),
        (rb'{"t":"\ud83d\ud83d\ude00"}', "\ufffd😀"),
        (rb'{"t":"\\ud83d"}', r"\ud83d"),
        (rb'{"t":"a\u0000b"}', "a\ufffdb"),
        (rb'{"t":"\\u0000"}', r"\u0000"),
        (b'{"t":"\xff\xfe"}', "\ufffd\ufffd"),
        (b'{"t":"\xed\xa0\xbd"}', "\ufffd\ufffd\ufffd"),
        (b'{"t":123456789012345678901234567890}', "123456789012345678901234567890"),
        (b'{"t":-9223372036854775808}', "-9223372036854775808"),
        (b'{"t":9007199254740993}', 9007199254740993),
        (b'{"t":"9223372036854775808"}', "9223372036854775808"),
        (b'{"t":0.1234567890123456789012}', 0.1234567890123456789012),
        (b'{"t":1e0000000000000000000001}', 10.0),
    ],
)
def test_what_cannot_be_stored_is_replaced(body: bytes, value: object) -> None:
    assert reading.json_object(body) == {"t": value}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"t":', b"[" * 100_000, b'{"t":NaN}'])
def test_no_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        reading.json_object(body)


@given(body=st.binary())
@settings(deadline=None)
def test_a_form_never_raises_and_can_be_stored(body: bytes) -> None:
    for name, value in reading.form(body).items():
        assert "\0" not in (name + value).encode().decode()


def test_values_of_another_type_count_as_absent() -> None:
    assert reading.mapping([1]) == {}
    assert reading.items({"a": 1}) == []
    odd: list[object] = ["a", 5, True, None, 1.5, []]
    assert [reading.string(value) for value in odd] == ["a", "5", "", "", "", ""]


def test_long_ids_make_short_keys() -> None:
    assert reading.key("m1", "2") == "m1:2"
    assert len(reading.key("x" * 10_000)) == 71
    assert reading.key("x" * 10_000) != reading.key("x" * 10_001)
