"""Days in digits: 2026-12-24, 24.12.2026, 24/12/2026 and, where month goes first, 12/24/2026."""

from __future__ import annotations

import re
from datetime import date

from classifier.entities.ready import dates
from classifier.entities.ready.dates import Way

_EDGE = r"(?<![0-9a-z/.-])(?<!\d,)"  # no other characters: 请2026-12-24送到
_END = r"(?![/-]?[0-9a-z]|[.,]\d)"
_YEAR_FIRST = re.compile(
    rf"{_EDGE}(?P<year>(?:19|20)\d\d)(?P<s>[-/.])(?P<month>\d{{1,2}})(?P=s)(?P<day>\d{{1,2}}){_END}",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(
    rf"{_EDGE}(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)(?P<year>(?:19|20)\d\d|\d\d){_END}",
    re.IGNORECASE,
)


def _year_first(match: re.Match[str], today: date) -> date:
    return dates.day_of(today, int(match["year"]), int(match["month"]), int(match["day"]))


def ways(*, month_first: bool) -> tuple[Way, ...]:
    """How digits name days; `month_first` decides 3/4/2026 and nothing that can be told apart."""

    def year_last(match: re.Match[str], today: date) -> date:
        a, b = int(match["a"]), int(match["b"])
        if match["s"] == ".":  # always day first where dots are used
            day, month = a, b
        else:
            day, month = (b, a) if (month_first and a <= 12) or b > 12 else (a, b)
        return dates.day_of(today, int(match["year"]), month, day)

    return (
        Way(pattern=_YEAR_FIRST, meaning=_year_first),
        Way(pattern=_YEAR_LAST, meaning=year_last),
    )
