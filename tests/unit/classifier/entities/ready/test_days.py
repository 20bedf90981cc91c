"""Days named in English and Chinese, seen from Thursday, 26 November 2026."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from classifier.entities.entity import Entity
from classifier.entities.ready import digit_dates
from classifier.entities.ready.dates import days
from classifier.entities.ready.extractor import Ready, ReadyExtractor

Extract = Callable[[str], tuple[Entity, ...]]

ENGLISH = {
    "tomorrow": "2026-11-27",
    "Today": "2026-11-26",
    "yesterday": "2026-11-25",
    "the day after tomorrow": "2026-11-28",
    "day before yesterday": "2026-11-24",
    "Friday": "2026-11-27",
    "Thursday": "2026-12-03",
    "this Friday": "2026-11-27",
    "this Monday": "2026-11-30",
    "next Friday": "2026-12-04",
    "next Monday": "2026-11-30",
    "last Monday": "2026-11-23",
    "last Thursday": "2026-11-19",
    "next sat": "2026-12-05",
    "this weekend": "2026-11-28",
    "next week": "2026-11-30",
    "last week": "2026-11-16",
    "next month": "2026-12-01",
    "December 24": "2026-12-24",
    "December 24th": "2026-12-24",
    "Dec. 24, 2025": "2025-12-24",
    "24 December": "2026-12-24",
    "the 24th of December 2027": "2027-12-24",
    "March 3": "2027-03-03",
    "Feb 29": "2028-02-29",
    "in 3 days": "2026-11-29",
    "in two weeks": "2026-12-10",
    "in a month": "2026-12-26",
    "a week ago": "2026-11-19",
    "2 days ago": "2026-11-24",
    "three months ago": "2026-08-26",
    "5 days from now": "2026-12-01",
    "2026-12-24": "2026-12-24",
    "24.12.2026": "2026-12-24",
    "12/24/2026": "2026-12-24",
    "3/4/2026": "2026-04-03",
    "3.4.26": "2026-04-03",
}
CHINESE = {
    "明天": "2026-11-27",
    "今天": "2026-11-26",
    "昨天": "2026-11-25",
    "后天": "2026-11-28",
    "大后天": "2026-11-29",
    "前天": "2026-11-24",
    "大前天": "2026-11-23",
    "周五": "2026-11-27",
    "星期四": "2026-12-03",
    "这周五": "2026-11-27",
    "本周一": "2026-11-23",
    "下周三": "2026-12-02",
    "下星期三": "2026-12-02",
    "下个礼拜三": "2026-12-02",
    "下下周一": "2026-12-07",
    "上周日": "2026-11-22",
    "上个星期天": "2026-11-22",
    "下周": "2026-11-30",
    "周末": "2026-11-28",
    "下个月": "2026-12-01",
    "下个月5号": "2026-12-05",
    "12月24日": "2026-12-24",
    "12月24号": "2026-12-24",
    "十二月二十四日": "2026-12-24",
    "3月3日": "2027-03-03",
    "2027年1月5日": "2027-01-05",
    "二〇二七年一月五日": "2027-01-05",
    "明年3月1日": "2027-03-01",
    "三天后": "2026-11-29",
    "3天以后": "2026-11-29",
    "两周后": "2026-12-10",
    "一个月前": "2026-10-26",
    "半个月前": "2026-11-11",
    "１２月２４日": "2026-12-24",
}
# dateparser: "next Friday" is tomorrow, a week or month goes from today on, years end in 2126.
OTHERWISE = {"next Friday", "next week", "last week", "next month", "3.4.26"}
OTHERWISE |= {"上周日", "下周", "下个月"}


@pytest.mark.parametrize(("said", "meant"), [*ENGLISH.items(), *CHINESE.items()])
@pytest.mark.parametrize("around", ["{}", "please bring it {}, ok?", "请{}送到，谢谢"])
def test_a_day_is_found_and_understood(
    extract: Extract, around: str, said: str, meant: str
) -> None:
    text = around.format(said)
    (found,) = extract(text)
    assert found.value == f"{meant}T00:00:00.000+08:00"
    assert text[found.start : found.end] == said


@pytest.mark.parametrize(
    "text",
    [
        "how may I help you",
        "he sat in the sun",
        "march on",
        "2月30日",
        "February 30",
        "version 1.2.3",
        "10.11.12.13",
        "7天无理由退货",
        "30 days return",
        "第三天后悔了",
        "建国路12号院5号楼",
        "in 3 pieces",
        "上下两层",
        "4/5 stars",
    ],
)
def test_what_is_no_day_is_left_alone(extract: Extract, text: str) -> None:
    assert extract(text) == ()


def test_the_day_begins_where_the_zone_says() -> None:
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    in_utc = ReadyExtractor(Ready(), lambda: late).extract("today")
    in_shanghai = ReadyExtractor(Ready(zone=ZoneInfo("Asia/Shanghai")), lambda: late)
    assert in_utc[0].value == "2026-11-26T00:00:00.000+00:00"
    assert in_shanghai.extract("today")[0].value == "2026-11-27T00:00:00.000+08:00"


@pytest.mark.parametrize(
    ("text", "month_first", "meant"),
    [
        ("3/4/2026", True, date(2026, 3, 4)),
        ("3/4/2026", False, date(2026, 4, 3)),
        ("13/4/2026", True, date(2026, 4, 13)),
        ("4/13/2026", False, date(2026, 4, 13)),
        ("3.4.2026", True, date(2026, 4, 3)),
    ],
)
def test_digits_are_read_as_the_place_writes_them(
    text: str, month_first: bool, meant: date
) -> None:
    ways = digit_dates.ways(month_first=month_first)
    (found,) = days(text, now=datetime(2026, 1, 1, tzinfo=UTC), zone=UTC, ways=ways)
    assert datetime.fromisoformat(found.value).date() == meant


def test_dateparser_reads_the_same_days_where_it_reads_them(extract: Extract) -> None:
    import dateparser

    settings = {
        "RELATIVE_BASE": datetime(2026, 11, 26, 12),
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": "DMY",
    }
    compared = 0
    for said in [*ENGLISH, *CHINESE]:
        read = dateparser.parse(said, languages=["en", "zh"], settings=settings)
        if read is None or said in OTHERWISE:
            continue
        (found,) = extract(said)
        assert found.value[:10] == read.date().isoformat(), said
        compared += 1
    assert compared >= 40
