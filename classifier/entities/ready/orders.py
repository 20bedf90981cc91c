"""Order numbers: "WS-100234", "order 2026-000123", "订单号：100234", "#10023"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from classifier.entities.entity import Entity
from classifier.entities.ready import folding

ORDER = "order_number"
MIN_DIGITS = 4

_EDGE, _END = r"(?<![a-z0-9-])", r"(?![a-z0-9]|-[a-z0-9])"
_NUMBER = r"(?P<number>[a-z0-9]+(?:-[a-z0-9]+){0,4})"
# Four letters at most, or product names would be orders; standards and bar codes are none.
_PREFIXED = re.compile(
    rf"{_EDGE}(?!iso|din|ean)(?P<number>[a-z]{{1,4}}-?\d{{5,16}}){_END}", re.IGNORECASE
)
_CUED = re.compile(
    r"(?:(?<![a-z])(?:orders?|purchases?)(?:\s+(?:number|no\.?|nr\.?|id|code))?|订单编?号?|单号|(?<!\w)#)"
    rf"\s*(?:is|was|:|：|#|是|为|编号|号)?\s*[#(\[「“\"']?\s*{_NUMBER}{_END}",
    re.IGNORECASE,
)
_ALONE = re.compile(r"\s*(?P<number>\d{6,18})\s*[.。!！]?\s*")


def order_numbers(text: str, patterns: Sequence[str] = ()) -> Iterator[Entity]:
    """Order numbers in `text`, in capitals.

    Args:
        text: what was said.
        patterns: how this shop's numbers look, as regular expressions; without any, letters with
            at least five digits, and what follows a word such as "order" with at least four.
    """
    plain = folding.narrow(text)
    if patterns:
        ways = [
            re.compile(rf"{_EDGE}(?P<number>{pattern}){_END}", re.IGNORECASE)
            for pattern in patterns
        ]
    else:
        ways = [_PREFIXED, _CUED]
    found = [match for way in ways for match in way.finditer(plain)]
    yield from map(_entity, filter(_has_digits, found))


def alone(text: str) -> Iterator[Entity]:
    """A message that is nothing but a number of 6 to 18 digits."""
    match = _ALONE.fullmatch(folding.narrow(text))
    if match:
        yield _entity(match)


def _has_digits(match: re.Match[str]) -> bool:
    number: str = match["number"]
    return sum(char.isdigit() for char in number) >= MIN_DIGITS


def _entity(match: re.Match[str]) -> Entity:
    return Entity(
        entity=ORDER,
        value=match["number"].upper(),
        start=match.start("number"),
        end=match.end("number"),
    )
