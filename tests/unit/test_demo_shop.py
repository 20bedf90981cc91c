"""The demo shop behind the starter flows, and what it makes of a visitor's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.actions import saying
from knowledge.actions.shop import RETURN_DAYS, Shop, Status


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_an_order_belongs_to_one_customer(shop: Shop) -> None:
    order = shop.order("WS10000101")
    assert order is not None
    assert (order.status, order.item("en"), order.item("zh")) == (
        Status.PROCESSING,
        "kettle",
        "电热水壶",
    )
    assert order.belongs_to(" Anna.Berg@Example.com ")
    assert not order.belongs_to("tom.hale@example.org")
    assert [o.number for o in shop.orders_of("ANNA.BERG@example.com")] == [
        "WS10000101",
        "WS20000201",
    ]
    assert shop.order("WS99999999") is None


def test_a_return_is_registered_once(shop: Shop) -> None:
    assert shop.return_of("WS30000301") is None
    number = shop.register_return("WS30000301", "too small")
    assert shop.register_return("WS30000301", "again") == number == shop.return_of("WS30000301")
    assert shop.register_return("WS30000302", "太小") != number


def test_only_fresh_deliveries_may_be_returned(shop: Shop) -> None:
    today = datetime.now(UTC).date()
    fresh, old, under_way = (shop.order(f"WS{n}") for n in (30000301, 40000401, 20000201))
    assert fresh is not None
    assert old is not None
    assert under_way is not None
    assert fresh.may_be_returned(today)
    assert fresh.may_be_returned(fresh.since + timedelta(days=RETURN_DAYS))
    assert not fresh.may_be_returned(fresh.since + timedelta(days=RETURN_DAYS + 1))
    assert not old.may_be_returned(today)
    assert not under_way.may_be_returned(today)


def test_an_address_changes_before_an_order_leaves_only(shop: Shop) -> None:
    assert shop.change_address("WS10000101", "上海市静安区南京西路1266号")
    changed = shop.order("WS10000101")
    assert changed is not None
    assert changed.address == "上海市静安区南京西路1266号"
    assert not shop.change_address("WS20000201", "elsewhere 5")
    assert not shop.change_address("WS99999999", "elsewhere 5")


def test_a_file_keeps_what_was_done(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    number = Shop(path).register_return("WS30000301", "too small")
    assert Shop(path).return_of("WS30000301") == number


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("WS10000101", "WS10000101"),
        ("ws 1000 0101", "WS10000101"),
        ("WS-10000101", "WS10000101"),
        ("10000101", "WS10000101"),
        ("ＷＳ１００００１０１", "WS10000101"),
        ("WS123", None),
        ("AB10000101", None),
        ("100001011", None),
        ("", None),
    ],
)
def test_order_numbers_are_read_in_many_spellings(said: str, number: str | None) -> None:
    assert saying.order_number(said) == number


@pytest.mark.parametrize(
    ("said", "piece"),
    [
        ("it's WS10000101", "WS10000101"),
        ("12345", "12345"),
        ("my number is 1000 0101", "1000 0101"),
        ("订单号１２３４５", "12345"),
        ("WS12", "WS12"),
        ("the 2 of us", None),
        ("no idea", None),
    ],
)
def test_the_piece_most_like_a_number_is_taken(said: str, piece: str | None) -> None:
    assert saying.number_in(said) == piece


@pytest.mark.parametrize(
    "said",
    [
        "wait, what about refunds?",
        "how long does a refund take",
        "退款要多久",
        "可以用支付宝吗",
        "等一下，运费谁付",
        "is shipping free?",
    ],
)
def test_questions_are_told_from_answers(said: str) -> None:
    assert saying.is_question(said)


@pytest.mark.parametrize(
    "said", ["too small", "太小了", "I just don't like it", "颜色不对", "12 Oak Street"]
)
def test_answers_are_no_questions(said: str) -> None:
    assert not saying.is_question(said)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("12 Oak Street, 10115 Berlin", "12 Oak Street, 10115 Berlin"),
        ("to 12 Oak Street, Berlin please", "12 Oak Street, Berlin please"),
        ("the new address is 5 Mill Lane, Leeds.", "5 Mill Lane, Leeds"),
        ("送到上海市静安区南京西路1266号", "上海市静安区南京西路1266号"),
        ("新地址是：北京市朝阳区建国路88号", "北京市朝阳区建国路88号"),
        ("home", None),
        ("my parents' place", None),
        ("我家", None),
    ],
)
def test_an_address_names_a_place(said: str, address: str | None) -> None:
    assert saying.address_in(said) == address


@pytest.mark.parametrize(
    ("said", "intent", "steers"),
    [
        ("stop", "stop_form", True),
        ("please stop asking me all of that now", "stop_form", True),
        ("no", "deny", True),
        ("不", "deny", True),
        ("not what I expected", "deny", False),
        ("和我想象的完全不一样", "deny", False),
        ("found a much nicer one", "compliment", False),
        ("too small", "give_details", False),
        ("it broke", "defective_item", False),
        ("wobbles", None, False),
    ],
)
def test_only_short_words_steer_whatever_they_are_taken_for(
    said: str, intent: str | None, steers: bool
) -> None:
    assert saying.steers(said, intent) is steers


@pytest.mark.parametrize(
    "said",
    [
        "武汉市洪山区珞喻路37号",
        "中山路66号",
        "5 Mill Lane, Leeds LS1 4AP",
        "Hauptstrasse 22, 50667 Cologne",
        "Rue Haute 4, 1000 Brussels",
    ],
)
def test_an_address_beyond_doubt(said: str) -> None:
    assert saying.is_street(said)


@pytest.mark.parametrize(
    "said",
    ["yes", "do you deliver to 5 Mill Lane?", "3 of them", "好的", "市区有门店吗", "WS10000101"],
)
def test_no_address_beyond_doubt(said: str) -> None:
    assert not saying.is_street(said)
