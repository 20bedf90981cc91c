"""What lexical search sees of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import tokens


@pytest.mark.parametrize(
    "written",
    ["SKU-104-A", "sku-104-a", "ＳＫＵ－１０４－Ａ", "SKU‑104–A", "SKU_104_A", "sku/104/a"],
)
def test_one_code_however_it_is_written(written: str) -> None:
    assert tokens.codes(f"Where is {written}?") == {"#sku104a"}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("error E1042 on my screen", {"#e1042"}),
        ("error e 1042", {"#e1042", "#1042"}),
        ("order 20261126", {"#20261126"}),
        ("订单号AB-99812什么时候到", {"#ab99812"}),
        ("I ordered 3 of them in 14 days", set()),
        ("where is my order", set()),
    ],
)
def test_codes_are_found_and_plain_numbers_are_not(text: str, codes: set[str]) -> None:
    assert tokens.codes(text) == codes


def test_chinese_becomes_characters_and_pairs() -> None:
    assert [*tokens.terms("退货期限")] == ["退", "货", "期", "限", "退货", "货期", "期限"]


def test_mixed_text_keeps_both() -> None:
    assert set(tokens.terms("用 iPhone 付款")) >= {"iphone", "付款", "用"}


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("refunds", "refund"),
        ("deliveries", "delivery"),
        ("address", "address"),
        ("shipping", "shipp"),
        ("status", "status"),
        ("bus", "bus"),
    ],
)
def test_inflection_is_cut(word: str, stem: str) -> None:
    assert tokens.stem(word) == stem


@given(st.text(max_size=300))
def test_any_text_has_terms_that_are_short(text: str) -> None:
    assert all(0 < len(term) <= tokens.MAX_TERM + 1 for term in tokens.terms(text))


def test_a_huge_text_is_cut() -> None:
    assert len(tokens.terms("word " * 100_000)) < tokens.MAX_TEXT
