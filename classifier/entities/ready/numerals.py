"""Small whole numbers in words: "three", "三", "二十四", "一百零五", "两万"."""

from __future__ import annotations

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ENGLISH = {word: number for number, word in enumerate(_WORDS)} | {
    "a": 1,
    "an": 1,
    "eleven": 11,
    "twelve": 12,
}
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
COUNTING = (
    {word: number for word, number in ENGLISH.items() if word not in ("a", "an")}
    | {word: number for number, word in enumerate(_TEENS, start=13)}
    | {word: 10 * number for number, word in enumerate(_TENS, start=2)}
    | {
        f"{ten}-{one}": 10 * number + ENGLISH[one]
        for number, ten in enumerate(_TENS, start=2)
        for one in _WORDS[1:10]
    }
)
"""English words up to ninety-nine."""
_DIGITS = {char: number for number, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}
CHINESE = (
    r"[零〇一二两三四五六七八九十百千]{1,9}"  # no longer: a text of 十 alone would take minutes
)


def of_chinese(text: str) -> int | None:
    """The number that Arabic or Chinese numerals below 10,000 write; None if they write none."""
    if text.isascii() and text.isdigit():
        return int(text)
    if not text:
        return None
    if len(text) > 1 and all(char in _DIGITS for char in text):  # 二〇二六
        return int("".join(str(_DIGITS[char]) for char in text))
    total, digit = 0, None
    for char in text:
        if char in _UNITS:
            total += (1 if digit is None else digit or 1) * _UNITS[char]
            digit = None
        elif char in _DIGITS:
            digit = _DIGITS[char]
        else:
            return None
    return total + (digit or 0)
