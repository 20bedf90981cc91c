"""Days that are named: "tomorrow", "next Friday", "24 December", "下周三", "12月24日".

What a word means depends on a day of reference, which is always given. Weeks begin on Monday;
"next Friday" is the Friday of next week, as 下周五 is; a day without year is the next one.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from classifier.entities.entity import Entity
from classifier.entities.ready import folding

DATE = "time"
Meaning = Callable[[re.Match[str], date], "date | None"]
"""From a match and the day of reference to the day that is meant; None if there is no such day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to name a day."""

    pattern: re.Pattern[str]
    meaning: Meaning
    grain: str = "day"
    """"day", "week", "month" or "year": what is meant is that much, from its first day on."""


def days(text: str, *, now: datetime, zone: tzinfo, ways: tuple[Way, ...]) -> Iterator[Entity]:
    """Days named in `text`, the longest name first where several overlap.

    Args:
        text: what was said.
        now: the moment of reference; aware.
        zone: where the days begin.
        ways: how days are named.
    """
    today = now.astimezone(zone).date()
    plain = folding.narrow(text)
    found = [(match, way) for way in ways for match in way.pattern.finditer(plain)]
    taken: list[Entity] = []
    for match, way in sorted(found, key=lambda f: (f[0].start() - f[0].end(), f[0].start())):
        meant = _meant(way, match, today)
        start, end = match.span()
        if meant is None or any(start < e.end and e.start < end for e in taken):
            continue
        value = datetime.combine(meant, time(), zone).isoformat(timespec="milliseconds")
        details = {"value": value, "grain": way.grain, "type": "value"}
        taken.append(Entity(entity=DATE, value=value, start=start, end=end, details=details))
    yield from sorted(taken, key=lambda e: e.start)


def _meant(way: Way, match: re.Match[str], today: date) -> date | None:
    try:
        return way.meaning(match, today)
    except (ValueError, OverflowError):  # 30 February, a million years from now
        return None


def weekday(today: date, which: int, weeks: int) -> date:
    """The day `which`, 0 for Monday, of the week that is `weeks` after this one."""
    return today + timedelta(days=which - today.weekday(), weeks=weeks)


def coming_weekday(today: date, which: int) -> date:
    """The first day `which` after today."""
    return today + timedelta(days=(which - today.weekday() - 1) % 7 + 1)


def past_weekday(today: date, which: int) -> date:
    """The last day `which` before today."""
    return today - timedelta(days=(today.weekday() - which - 1) % 7 + 1)


def add_months(day: date, months: int) -> date:
    """The same day `months` later; the month's last one where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def day_of(today: date, year: int | None, month: int, day: int) -> date:
    """That day; without a year the first one that is not over.

    Raises:
        ValueError: there is no such day.
    """
    if year is not None:
        return date(year + 2000 if year < 100 else year, month, day)
    for later in range(9):  # 29 February may be eight years off
        try:
            found = date(today.year + later, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return date(today.year, month, day)
