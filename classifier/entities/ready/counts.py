"""Plain numbers: "5", "2.5", "twenty-one", "三个". Told only where a project asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifier.entities.entity import Entity
from classifier.entities.ready import folding, numerals

NUMBER = "number"
_WORDS = "|".join(sorted(numerals.COUNTING, key=len, reverse=True))
_COUNT = re.compile(
    r"(?<![a-z0-9.,-])(?:(?P<digits>\d+(?:\.\d+)?)(?![a-z0-9-]|[.,]\d)"
    rf"|(?P<word>{_WORDS})(?![a-z0-9-]))"
    rf"|(?P<chinese>{numerals.CHINESE})(?=[个位件人只份双套盒瓶杯张台次名])",
    re.IGNORECASE,
)


def numbers(text: str) -> Iterator[Entity]:
    """Numbers in `text`; whole ones as int. Chinese numerals count only before a measure word."""
    for match in _COUNT.finditer(folding.narrow(text)):
        value = _value(match)
        if value is not None:
            yield Entity(
                entity=NUMBER,
                value=value,
                start=match.start(),
                end=match.end(),
                details={"value": value, "type": "value"},
            )


def _value(match: re.Match[str]) -> int | float | None:
    if match["digits"]:
        number = float(match["digits"])
        return int(number) if number.is_integer() else number
    if match["word"]:
        return numerals.COUNTING[match["word"].lower()]
    return numerals.of_chinese(match["chinese"])
