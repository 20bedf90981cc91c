"""What is odd in data is said."""

from __future__ import annotations

import pytest

from classifier import inspection
from classifier.dataset import LabelledText


def texts(*rows: tuple[str, str]) -> list[LabelledText]:
    return [LabelledText(text=t, intent=i, line=n) for n, (t, i) in enumerate(rows, start=2)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("where is it", "en"),
        ("退货", "zh"),
        ("我的order", "mixed"),
        ("123 ?", "other"),
        ("請問 A", "zh"),
    ],
)
def test_languages_by_script(text: str, language: str) -> None:
    assert inspection.language_of(text) == language


def test_clean_data_have_no_findings() -> None:
    rows = [(f"{word} number {i}", word) for word in ("alpha", "bravo") for i in range(5)]
    found = inspection.inspect(texts(*rows))
    assert found.findings == ()
    assert found.rows == 10
    assert found.counts == {"alpha": 5, "bravo": 5}
    assert found.languages == {"en": 10}


def test_each_oddity_is_counted_and_quoted() -> None:
    learned = texts(("hi", "a"), ("hi", "a"), ("Hi!", "b"), ("where is my parcel now", "b"))
    measured = texts(("Where is my parcel, now?", "b"), ("x", "c"))
    found = inspection.inspect(learned, measured).findings
    repeated, contradictory, thin, leaked, unlearned = found
    assert repeated.cases == ("“hi” (a) × 2",)
    assert contradictory.cases == ("“hi”: a (line 2), a (line 3), b (line 4)",)
    assert thin.cases == ("a: 2", "b: 2")
    assert leaked.cases == ("“Where is my parcel, now?” ~ “where is my parcel now”",)
    assert unlearned.cases == ("c: 1",)
    assert contradictory.en.startswith("1 texts stand under several labels")
    assert contradictory.zh.startswith("有 1 条文本属于多个标签")
