"""How Chinese names days, with Arabic or Chinese numerals; no segmenter is needed."""

from __future__ import annotations

import re
from datetime import date, timedelta

from classifier.entities.ready import dates, numerals
from classifier.entities.ready.dates import Way

_NEAR = {
    "大后天": 3,
    "后天": 2,
    "明天": 1,
    "明日": 1,
    "明早": 1,
    "明晚": 1,
    "今天": 0,
    "今日": 0,
    "今晚": 0,
    "今早": 0,
    "昨天": -1,
    "昨日": -1,
    "昨晚": -1,
    "前天": -2,
    "大前天": -3,
}
_RANK = {"这": 0, "本": 0, "下": 1, "上": -1, "下下": 2, "上上": -2}
_YEARS = {"今年": 0, "明年": 1, "后年": 2, "去年": -1, "前年": -2}
_NUMERAL = rf"(?:\d{{1,4}}|{numerals.CHINESE})"
_WHICH = r"(?P<rank>下下|上上|这|本|下|上)一?个?"
_WEEK = r"(?:周|星期|礼拜)"
_WEEKDAY = r"(?P<name>[一二三四五六日天末1-7])"
_UNIT = r"(?P<unit>天|日|周|个?星期|个?礼拜|个?月|年)"


def _near(match: re.Match[str], today: date) -> date:
    return today + timedelta(days=_NEAR[match["word"]])


def _which_day(match: re.Match[str]) -> int:
    name = match["name"]
    if name == "末":
        return 5
    return int(name) - 1 if name.isdigit() else "一二三四五六日天".index(name) - (name == "天")


def _weekday(match: re.Match[str], today: date) -> date:
    which, rank = _which_day(match), match["rank"]
    if rank is None:
        return dates.coming_weekday(today, which)
    return dates.weekday(today, which, _RANK[rank])


def _week(match: re.Match[str], today: date) -> date:
    return dates.weekday(today, 0, _RANK[match["rank"]])


def _month(match: re.Match[str], today: date) -> date:
    return dates.add_months(today.replace(day=1), _RANK[match["rank"]])


def _month_day(match: re.Match[str], today: date) -> date | None:
    month, day = numerals.of_chinese(match["month"]), numerals.of_chinese(match["day"])
    if month is None or day is None:
        return None
    return dates.day_of(today, _year(match, today), month, day)


def _year(match: re.Match[str], today: date) -> int | None:
    if match["relative"]:
        return today.year + _YEARS[match["relative"]]
    return numerals.of_chinese(match["year"]) if match["year"] else None


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    first = dates.add_months(today.replace(day=1), _RANK[match["rank"]])
    day = numerals.of_chinese(match["day"])
    return None if day is None else first.replace(day=day)


def _ahead(match: re.Match[str], today: date) -> date | None:
    return _moved(match, today, 1)


def _ago(match: re.Match[str], today: date) -> date | None:
    return _moved(match, today, -1)


def _moved(match: re.Match[str], today: date, sign: int) -> date | None:
    unit = match["unit"].removeprefix("个")
    if match["count"] == "半":
        return (
            today + timedelta(days=sign * {"月": 15, "年": 182}[unit]) if unit in "月年" else None
        )
    count = numerals.of_chinese(match["count"])
    if count is None:
        return None
    if unit in ("天", "日"):
        return today + timedelta(days=sign * count)
    if unit in ("月", "年"):
        return dates.add_months(today, sign * count * (12 if unit == "年" else 1))
    return today + timedelta(weeks=sign * count)


_COUNT = rf"(?<!第)(?P<count>(?:(?<!\d)\d{{1,3}})|{numerals.CHINESE}|半)\s*{_UNIT}"
WAYS = (
    Way(
        pattern=re.compile(rf"(?P<word>{'|'.join(sorted(_NEAR, key=len, reverse=True))})"),
        meaning=_near,
    ),
    Way(pattern=re.compile(rf"(?:{_WHICH})?{_WEEK}{_WEEKDAY}(?!\d)"), meaning=_weekday),
    Way(
        pattern=re.compile(rf"{_WHICH}{_WEEK}(?![一二三四五六日天末1-7])"),
        meaning=_week,
        grain="week",
    ),
    Way(
        pattern=re.compile(
            rf"(?:(?P<relative>{'|'.join(_YEARS)})|(?P<year>{_NUMERAL})\s*年)?"
            rf"(?:(?<=年)\s*)?(?P<month>{_NUMERAL})\s*月\s*(?P<day>{_NUMERAL})\s*[日号]"
        ),
        meaning=_month_day,
    ),
    Way(pattern=re.compile(rf"{_WHICH}月\s*(?P<day>{_NUMERAL})\s*[日号]"), meaning=_day_of_month),
    Way(pattern=re.compile(rf"{_WHICH}月(?!\s*\d)"), meaning=_month, grain="month"),
    Way(pattern=re.compile(rf"{_COUNT}(?:以后|之后|后)(?!天)"), meaning=_ahead),
    Way(pattern=re.compile(rf"{_COUNT}(?:以前|之前|前)(?!天)"), meaning=_ago),
)
