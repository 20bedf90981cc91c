"""How English names days."""

from __future__ import annotations

import re
from datetime import date, timedelta

from classifier.entities.ready import dates, numerals
from classifier.entities.ready.dates import Way

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NEAR = {
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "tmrw": 1,
    "yesterday": -1,
}
_RANK = {"this": 0, "coming": 0, "next": 1, "last": -1, "past": -1, "previous": -1}
_DAY_NAME = r"(?P<name>mon|tue(?:s)?|wed(?:nes)?|thu(?:rs?)?|fri|satur|sun)day"
_SHORT = r"(?P<name>mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(numerals.ENGLISH)})"
_UNIT = r"(?P<unit>day|week|month|year)s?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/.-]){text}(?![\w/-])", re.IGNORECASE | re.ASCII)


def _near(match: re.Match[str], today: date) -> date:
    return today + timedelta(days=_NEAR[" ".join(match["word"].lower().split())])


def _weekday(match: re.Match[str], today: date) -> date:
    which = next(i for i, name in enumerate(_WEEKDAYS) if name[:3] == match["name"][:3].lower())
    rank = (match.groupdict().get("rank") or "coming").lower()
    if _RANK[rank] > 0:
        return dates.weekday(today, which, 1)
    if _RANK[rank] < 0:
        return dates.past_weekday(today, which)
    same = dates.weekday(today, which, 0)
    return same if rank == "this" and same >= today else dates.coming_weekday(today, which)


def _month_day(match: re.Match[str], today: date) -> date:
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    year = int(match["year"]) if match["year"] else None
    return dates.day_of(today, year, month, int(match["day"]))


def _ahead(match: re.Match[str], today: date) -> date:
    return _moved(match, today, 1)


def _ago(match: re.Match[str], today: date) -> date:
    return _moved(match, today, -1)


def _moved(match: re.Match[str], today: date, sign: int) -> date:
    word = match["count"].lower()
    count = sign * (int(word) if word.isdigit() else numerals.ENGLISH[word])
    unit = match["unit"].lower()
    if unit in ("day", "week"):
        return today + timedelta(**{f"{unit}s": count})
    return dates.add_months(today, count * (12 if unit == "year" else 1))


def _week(match: re.Match[str], today: date) -> date:
    return dates.weekday(today, 0, _RANK[match["rank"].lower()])


def _weekend(match: re.Match[str], today: date) -> date:
    return dates.weekday(today, 5, _RANK[(match["rank"] or "this").lower()])


def _month(match: re.Match[str], today: date) -> date:
    return dates.add_months(today.replace(day=1), _RANK[match["rank"].lower()])


_WHICH = rf"(?P<rank>{'|'.join(_RANK)})"
WAYS = (
    Way(
        pattern=_pattern(
            r"(?:the\s+)?(?P<word>" + "|".join(w.replace(" ", r"\s+") for w in _NEAR) + ")"
        ),
        meaning=_near,
    ),
    Way(pattern=_pattern(rf"(?:{_WHICH}\s+)?{_DAY_NAME}"), meaning=_weekday),
    # "sat" and "sun" are words of their own
    Way(pattern=_pattern(rf"{_WHICH}\s+{_SHORT}"), meaning=_weekday),
    Way(pattern=_pattern(rf"{_MONTH}\s+(?:the\s+)?{_DAY}{_YEAR}"), meaning=_month_day),
    Way(pattern=_pattern(rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}"), meaning=_month_day),
    Way(pattern=_pattern(rf"in\s+{_COUNT}\s+{_UNIT}(?:['’]?\s+time)?"), meaning=_ahead),
    Way(
        pattern=_pattern(rf"{_COUNT}\s+{_UNIT}\s+(?:from\s+now|from\s+today|later)"), meaning=_ahead
    ),
    Way(pattern=_pattern(rf"{_COUNT}\s+{_UNIT}\s+ago"), meaning=_ago),
    Way(pattern=_pattern(rf"{_WHICH}\s+week"), meaning=_week, grain="week"),
    Way(pattern=_pattern(rf"(?:{_WHICH}|the)\s+weekend"), meaning=_weekend, grain="week"),
    Way(pattern=_pattern(rf"{_WHICH}\s+month"), meaning=_month, grain="month"),
)
