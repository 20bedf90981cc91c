"""Splits long texts for channels that limit them, counting in the channel's own unit.

A cut is made after a paragraph, else a line, a sentence, a word, and only then between two
graphemes; a grapheme (a family of emoji, a letter with its accents) is never torn if it fits.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable

import regex

Unit = Callable[[str], int]
"""The size of a text; a longer text is never smaller than its beginning."""

_GRAPHEME = regex.compile(r"\X")
# Best places for a cut first; each match ends where the next piece begins.
_BREAKS = tuple(
    regex.compile(pattern)
    for pattern in (
        r"\n[^\S\n]*\n\s*",
        r"\n\s*",
        r"[。！？；…][”’」』）】》]*|[.!?;][\"'”’)\]]*\s+",
        r"\s+|[，、：]",
    )
)
_SHORTEST = 0.5  # of what would fit: an early break is not worth a tiny piece

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("^{}\\[~]|€\f")  # two septets each


def characters(text: str) -> int:
    """Code points."""
    return len(text)


def utf8(text: str) -> int:
    """Bytes of UTF-8, as WeChat and WeCom count."""
    return len(text.encode("utf-8", "surrogatepass"))


def utf16(text: str) -> int:
    """UTF-16 units, as Telegram and LINE count: an emoji is two."""
    return len(text) + sum(char > "\uffff" for char in text)


def sms_segments(text: str) -> int:
    """Text messages that a carrier sends and charges: GSM-7, or UCS-2 if any character needs it.

    One of 160 septets or 70 units, or several of 153 or 67; an escape sequence or a surrogate pair
    is never divided.
    """
    if all(char in _GSM7 or char in _GSM7_ESCAPED for char in text):
        return _segments([2 if char in _GSM7_ESCAPED else 1 for char in text], 160, 153)
    return _segments([2 if char > "\uffff" else 1 for char in text], 70, 67)


def split(text: str, limit: int, unit: Unit = characters) -> list[str]:
    """`text` in pieces of at most `limit` each, none of them blank.

    Args:
        text: whitespace at its ends and at the cuts is dropped, nothing else is.
        limit: at least 4, so that every character fits whatever the unit.
        unit: how the channel counts.
    """
    if limit < 4 and unit is not sms_segments:
        msg = f"A limit of {limit} cannot hold every character; use 4 or more."
        raise ValueError(msg)
    pieces = []
    rest = text.strip()
    while rest:
        end = _cut(rest, limit, unit)
        pieces.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return pieces


def shorten(text: str, limit: int, unit: Unit = characters) -> str:
    """`text`, or as many of its graphemes as fit with an ellipsis: for titles of buttons."""
    text = " ".join(text.split())
    if unit(text) <= limit:
        return text
    fits = _fitting(text, limit - unit("…"), unit)
    return text[: _whole_graphemes(text, fits) or fits].rstrip() + "…"


def _cut(text: str, limit: int, unit: Unit) -> int:
    """Where the first piece of `text` ends, in code points."""
    if unit(text) <= limit:
        return len(text)
    fits = _fitting(text, limit, unit)
    for kind in _BREAKS:
        # The whitespace of a break is dropped, so the break may reach beyond what fits.
        ends = [m.end() for m in kind.finditer(text) if _visible_end(m) <= fits]
        if ends and ends[-1] >= fits * _SHORTEST:
            end: int = ends[-1]
            return end
    return _whole_graphemes(text, fits) or fits


def _visible_end(match: regex.Match[str]) -> int:
    start: int = match.start()
    return start + len(match[0].rstrip())


def _fitting(text: str, limit: int, unit: Unit) -> int:
    """How many code points from the start fit; at least one."""
    most = bisect.bisect_right(range(1, len(text) + 1), limit, key=lambda n: unit(text[:n]))
    return max(1, most)


def _whole_graphemes(text: str, most: int) -> int:
    """The last bound of graphemes within the first `most` code points; 0 if there is none."""
    end = 0
    for grapheme in _GRAPHEME.finditer(text):
        if grapheme.end() > most:
            break
        end = grapheme.end()
    return end


def _segments(sizes: list[int], single: int, part: int) -> int:
    if sum(sizes) <= single:
        return 1
    segments, used = 1, 0
    for size in sizes:
        if used + size > part:
            segments, used = segments + 1, 0
        used += size
    return segments
