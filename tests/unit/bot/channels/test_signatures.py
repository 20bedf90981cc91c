from __future__ import annotations

import pytest
from multidict import CIMultiDict

from bot import errors
from bot.channels import signatures
from bot.channels.channel import Request


def request(headers: dict[str, str]) -> Request:
    return Request(
        method="POST",
        url="https://bot.example/",
        query={},
        headers=CIMultiDict(headers),
        body=b"",
        received_at=1000.0,
    )


def test_a_header_is_found_in_any_case() -> None:
    assert signatures.header(request({"x-SIGNATURE": "a"}), "X-Signature") == "a"


@pytest.mark.parametrize("headers", [{}, {"X-S": ""}, {"X-S": "a" * 10_000}])
def test_a_missing_empty_or_huge_header_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(errors.Forged):
        signatures.header(request(headers), "X-S")


@pytest.mark.parametrize("given", ["", "é", "\udc80", "\ud800x", "abc ", "ABC"])
def test_another_signature_is_forged(given: str) -> None:
    with pytest.raises(errors.Forged):
        signatures.check(given, "abc")


def test_without_a_secret_nothing_is_genuine() -> None:
    with pytest.raises(errors.Forged):
        signatures.check("", "")


@pytest.mark.parametrize("stamp", ["700", "1300", "1000"])
def test_the_window_has_two_ends(stamp: str) -> None:
    signatures.check_fresh(stamp, 1000.0)


@pytest.mark.parametrize(
    "stamp",
    ["699", "1301", "", "abc", "1e3", " 1000", "+1000", "-1000", "١٠٠٠", "9" * 5000, "1000.0"],
)
def test_outside_of_it_or_no_number_is_forged(stamp: str) -> None:
    with pytest.raises(errors.Forged):
        signatures.check_fresh(stamp, 1000.0)
