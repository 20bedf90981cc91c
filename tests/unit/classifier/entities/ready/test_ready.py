"""E-mail, phone, money and order numbers in both languages; none is taken for another."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.entities.entity import Entity
from classifier.entities.ready.extractor import DIMENSIONS, Ready, ReadyExtractor
from tests.unit.classifier.entities.ready.conftest import NOW

Extract = Callable[[str], tuple[Entity, ...]]


def found(extract: Extract, text: str) -> list[tuple[str, Any, str]]:
    return [(e.entity, e.value, text[e.start : e.end]) for e in extract(text)]


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("write to li.wei@Example.COM, thanks", "li.wei@example.com", "li.wei@Example.COM"),
        ("我的邮箱是li.wei@example.com谢谢", "li.wei@example.com", "li.wei@example.com"),
        ("mail a+b@mail.example.co.uk.", "a+b@mail.example.co.uk", "a+b@mail.example.co.uk"),
        ("邮箱：ａｂ＠ｘ．ｃｎ", "ab@x.cn", "ａｂ＠ｘ．ｃｎ"),
        ("12345@qq.com", "12345@qq.com", "12345@qq.com"),
    ],
)
def test_email(extract: Extract, text: str, value: str, said: str) -> None:
    assert found(extract, text) == [("email", value, said)]


@pytest.mark.parametrize("text", ["@lena", "a@b", "a..b@x.org", "@@", "me at x dot org", "x@-.com"])
def test_no_email(extract: Extract, text: str) -> None:
    assert found(extract, text) == []


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("call me at +49 30 901820", "+4930901820", "+49 30 901820"),
        ("my number is +1 415-555-2671.", "+14155552671", "+1 415-555-2671"),
        ("ring 030 901820 please", "+4930901820", "030 901820"),
        ("手机13812345678，谢谢", "+8613812345678", "13812345678"),
        ("电话138-1234-5678", "+8613812345678", "138-1234-5678"),
        ("手机号：138 1234 5678", "+8613812345678", "138 1234 5678"),
        ("座机010-62345678", "+861062345678", "010-62345678"),
        ("+86 138 1234 5678", "+8613812345678", "+86 138 1234 5678"),
        ("１３８１２３４５６７８", "+8613812345678", "１３８１２３４５６７８"),
        ("13812345678", "+8613812345678", "13812345678"),
    ],
)
def test_phone(extract: Extract, text: str, value: str, said: str) -> None:
    assert found(extract, text) == [("phone-number", value, said)]


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("order WS-100234 is late", "WS-100234", "WS-100234"),
        ("where is ws-100234?", "WS-100234", "ws-100234"),
        ("订单号是WS100234，还没到", "WS100234", "WS100234"),
        ("我的订单100234呢", "100234", "100234"),
        ("订单编号：2026-000123", "2026-000123", "2026-000123"),
        ("order number is 2026-000123", "2026-000123", "2026-000123"),
        ("order 13812345678", "13812345678", "13812345678"),
        ("订单13812345678", "13812345678", "13812345678"),
        ("purchase 113542617735902?", "113542617735902", "113542617735902"),
        ("#100234", "100234", "#100234"[1:]),
        ("100234", "100234", "100234"),
        ("my order was 20261224", "20261224", "20261224"),
        ("快递单号SF1234567890123", "SF1234567890123", "SF1234567890123"),
    ],
)
def test_order_number(extract: Extract, text: str, value: str, said: str) -> None:
    assert found(extract, text) == [("order_number", value, said)]


@pytest.mark.parametrize(
    ("text", "value", "unit", "said"),
    [
        ("i paid €12.50 for it", 12.5, "EUR", "€12.50"),
        ("it cost 1,200 dollars", 1200, "USD", "1,200 dollars"),
        ("1.200,50 EUR", 1200.5, "EUR", "1.200,50 EUR"),
        ("USD 20", 20, "USD", "USD 20"),
        ("20 bucks each", 20, "USD", "20 bucks"),
        ("£5", 5, "GBP", "£5"),
        ("退我99元", 99, "CNY", "99元"),
        ("九十九块五", 99.5, "CNY", "九十九块五"),
        ("一百二十元", 120, "CNY", "一百二十元"),
        ("1.5万元", 15000, "CNY", "1.5万元"),
        ("￥99.90", 99.9, "CNY", "￥99.90"),
        ("30美元", 30, "USD", "30美元"),
        ("12欧元", 12, "EUR", "12欧元"),
    ],
)
def test_money(extract: Extract, text: str, value: float, unit: str, said: str) -> None:
    assert found(extract, text) == [("amount-of-money", value, said)]
    assert extract(text)[0].details == {"value": value, "unit": unit, "type": "value"}


@pytest.mark.parametrize(
    "text",
    [
        "I bought 3 iPhone 15 for my son",
        "size 42 jeans",
        "10115 Berlin",
        "the order is late",
        "order confirmation",
        "orders 5",
        "10% off",
        "ISO27001",
        "in 2026",
        "COVID19",
        "ws1",
        "三块布",
        "一块去吧",
        "单元楼",
        "10个",
        "现在3点",
        "5 poundcakes",
        "/inform",
        "",
    ],
)
def test_what_is_none_of_them_is_left_alone(extract: Extract, text: str) -> None:
    assert found(extract, text) == []


def test_several_are_told_apart(extract: Extract) -> None:
    text = "order WS-100234 for €20 on 24 December, call 13812345678 or write a@b.cn"
    assert [kind for kind, _, _ in found(extract, text)] == [
        "order_number",
        "amount-of-money",
        "time",
        "phone-number",
        "email",
    ]


@pytest.mark.parametrize("piece", ["十", "1 000", "a1 ", "1-", "a.", "order ", "第", "￥1,"])
def test_a_long_text_of_one_piece_does_not_take_for_ever(extract: Extract, piece: str) -> None:
    text = piece * (5000 // len(piece))  # quadratic patterns once took half a minute for this
    assert all(e.end <= len(text) for e in extract(text))


def test_a_shop_may_say_how_its_numbers_look() -> None:
    ready = Ready(order_patterns=(r"[A-Z]{2}-\d{3}/\d{2}",))
    extract = ReadyExtractor(ready, lambda: NOW).extract
    assert found(extract, "my order xy-123/26, not AB-100234") == [
        ("order_number", "XY-123/26", "xy-123/26")
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a table for 5 people", [5]),
        ("twenty-one of them", [21]),
        ("2.5 litres and three cups", [2.5, 3]),
        ("我要三个杯子", [3]),
        ("十二位客人", [12]),
        ("一起去吧", []),
        ("order WS-100234 on 24 December", []),
        ("someone", []),
    ],
)
def test_numbers_are_told_where_a_project_asks(text: str, values: list[float]) -> None:
    extract = ReadyExtractor(Ready(dimensions=("number",)), lambda: NOW).extract
    assert [e.value for e in extract(text)] == values


def test_only_the_wanted_dimensions_are_told() -> None:
    ready = Ready(dimensions=("phone-number",), name="DucklingEntityExtractor")
    extract = ReadyExtractor(ready, lambda: NOW).extract
    text = "order 13812345678, phone 13912345678"
    assert [e.to_wire() for e in extract(text)] == [
        {
            "entity": "phone-number",
            "start": 25,
            "end": 36,
            "value": "+8613912345678",
            "extractor": "DucklingEntityExtractor",
            "additional_info": {"region": "CN"},
        }
    ]


pieces = st.sampled_from(
    [
        "订单",
        "WS-100234",
        "13812345678",
        " ",
        "明天",
        "a@b.cn",
        "￥99",
        "next",
        "Friday",
        "12月",
        "3日",
        "#",
    ]
)
texts = st.one_of(st.text(), st.lists(pieces).map("".join), st.from_regex(r"[\d .,/:@+€元-]{0,30}"))


@given(texts)
def test_pieces_stand_in_the_text_in_order_and_apart(extract: Extract, text: str) -> None:
    entities = extract(text)
    assert all(e.entity in DIMENSIONS and 0 <= e.start < e.end <= len(text) for e in entities)
    assert all(a.end <= b.start for a, b in itertools.pairwise(entities))
    assert all(text[e.start : e.end].strip() == text[e.start : e.end] for e in entities)
