"""Amounts of money: "€12.50", "1,200 dollars", "99元", "九十九块五", "1.5万元"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifier.entities.entity import Entity
from classifier.entities.ready import folding, numerals

MONEY = "amount-of-money"
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "CNY", "￥": "CNY", "₹": "INR"}
_WORDS = {
    "euros?": "EUR",
    "(?:us )?dollars?": "USD",
    "bucks": "USD",
    "pounds?": "GBP",
    "francs?": "CHF",
    "yuan": "CNY",
    "rmb": "CNY",
    "日元": "JPY",
    "美元|美金": "USD",
    "欧元": "EUR",
    "英镑": "GBP",
    "港币|港元": "HKD",
    "元(?:人民币)?|块钱|块(?=[一二三四五六七八九\\d])|块(?![一-龥])|人民币": "CNY",
}
_CODES = ("EUR", "USD", "GBP", "CNY", "CHF", "JPY", "HKD", "AUD", "CAD", "INR", "SEK")
_NUMBER = r"\d{1,3}(?:[ ,.']\d{3}){1,4}(?:[.,]\d{1,2})?|\d{1,12}(?:[.,]\d{1,2})?"
_BEFORE = re.compile(
    rf"(?:(?P<sign>[{''.join(_SIGNS)}])|(?<![a-z])(?P<code>{'|'.join(_CODES)}|RMB))\s?"
    rf"(?P<number>{_NUMBER})(?P<many>万|k\b)?(?![\d%])",
    re.IGNORECASE,
)
_UNIT = "|".join(f"(?P<u{place}>{word})" for place, word in enumerate(_WORDS))
_AFTER = re.compile(
    rf"(?<![\d.,])(?:(?P<number>{_NUMBER})|(?P<chinese>{numerals.CHINESE}))"
    rf"\s?(?P<many>万|k(?=\s))?\s?"
    rf"(?:(?P<sign>[€£])|(?P<code>{'|'.join(_CODES)})(?![a-z])|(?:{_UNIT})(?![a-z]))"
    r"(?P<tenth>[一二三四五六七八九\d](?:毛|角)?(?![\d一-龥]))?",
    re.IGNORECASE,
)


def amounts(text: str) -> Iterator[Entity]:
    """Amounts in `text`; the value is the number, `details` hold the ISO code as `unit`."""
    plain = folding.narrow(text)
    end = 0
    found = [*_BEFORE.finditer(plain), *_AFTER.finditer(plain)]
    for match in sorted(found, key=lambda m: (m.start(), -m.end())):
        value = _value(match)
        if match.start() >= end and value is not None:
            end = match.end()
            details = {"value": value, "unit": _unit(match), "type": "value"}
            yield Entity(entity=MONEY, value=value, start=match.start(), end=end, details=details)


def _unit(match: re.Match[str]) -> str:
    if match["sign"]:
        return _SIGNS[match["sign"]]
    if match["code"]:
        code = match["code"].upper()
        return "CNY" if code == "RMB" else code
    groups = match.groupdict()
    return next(
        unit for place, unit in enumerate(_WORDS.values()) if groups.get(f"u{place}") is not None
    )


def _value(match: re.Match[str]) -> float | None:
    groups = match.groupdict()
    if groups["number"]:
        value = _number(groups["number"])
    else:
        said = numerals.of_chinese(groups["chinese"])
        if said is None:
            return None
        value = float(said)
    value *= {"万": 10_000, "k": 1_000}.get((groups["many"] or "").lower(), 1)
    tenth = groups.get("tenth")
    if tenth:  # 九十九块五
        value += (numerals.of_chinese(tenth[0]) or 0) / 10
    return round(value, 2)


def _number(text: str) -> float:
    """The number; a last separator before other than three digits is the decimal one."""
    whole, separator, rest = text, "", ""
    match = re.search(r"[.,](\d{1,2})$", text)
    if match:
        whole, separator, rest = text[: match.start()], ".", match[1]
    return float(re.sub(r"\D", "", whole) + separator + rest)
