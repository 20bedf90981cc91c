"""All ready extractors as one, so that no piece of a text is two things at once.

What is surer goes first: e-mail, money, order numbers, phone numbers, a lone number, days, counts.
The names and values are those of Duckling, so that a Rasa project made for it runs without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from classifier.entities.entity import Entity
from classifier.entities.ready import (
    chinese_dates,
    contact,
    counts,
    dates,
    digit_dates,
    english_dates,
    money,
    orders,
)

NAME = "ReadyEntityExtractor"
ALL = (contact.EMAIL, money.MONEY, orders.ORDER, contact.PHONE, dates.DATE, counts.NUMBER)
DIMENSIONS = (contact.EMAIL, money.MONEY, orders.ORDER, contact.PHONE, dates.DATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What to find, and how the place and the shop write it."""

    dimensions: tuple[str, ...] = DIMENSIONS
    zone: tzinfo = UTC
    """Where a day begins."""
    regions: tuple[str, ...] = ("CN",)
    """Countries whose phone numbers may lack the country code, as ISO codes."""
    order_patterns: tuple[str, ...] = ()
    """Regular expressions of this shop's order numbers; empty: what usually is one."""
    month_first: bool = False
    """Whether 3/4/2026 is in March."""
    name: str = NAME


class ReadyExtractor:
    """Finds what every shop meets."""

    def __init__(self, ready: Ready, clock: Callable[[], datetime]) -> None:
        """Find what `ready` says; `clock` gives the moment that "tomorrow" refers to, aware."""
        self._ready = ready
        self._clock = clock
        self._ways = (
            *english_dates.WAYS,
            *chinese_dates.WAYS,
            *digit_dates.ways(month_first=ready.month_first),
        )

    def extract(self, text: str) -> tuple[Entity, ...]:
        """What is in `text`, from left to right; no two overlap."""
        taken: list[Entity] = []
        for find in self._finders():
            for entity in find(text):
                if all(entity.end <= e.start or e.end <= entity.start for e in taken):
                    taken.append(entity)
        wanted = [e for e in taken if e.entity in self._ready.dimensions]
        return tuple(
            replace(e, extractor=self._ready.name) for e in sorted(wanted, key=lambda e: e.start)
        )

    def _finders(self) -> Sequence[Callable[[str], Iterator[Entity]]]:
        """In the order in which they may take a piece, wanted or not."""
        ready = self._ready
        return (
            contact.emails,
            money.amounts,
            lambda text: orders.order_numbers(text, ready.order_patterns),
            lambda text: contact.phones(text, ready.regions),
            orders.alone,
            self._days,
            counts.numbers,
        )

    def _days(self, text: str) -> Iterator[Entity]:
        return dates.days(text, now=self._clock(), zone=self._ready.zone, ways=self._ways)
