"""Text → tokens that labels can stand on: words where there are spaces, characters where not."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Han, Kana, Thai, Lao, Khmer, Burmese: written without spaces, so each character is a token.
_DENSE = r"\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f"
_TOKEN = re.compile(rf"[{_DENSE}]|\d+|[^\W\d_{_DENSE}]+|[^\w\s]|_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of a text that is never split."""

    text: str
    start: int
    end: int


def split(text: str) -> list[Token]:
    """The tokens of `text` from left to right; blanks belong to none."""
    return [Token(text=m[0], start=m.start(), end=m.end()) for m in _TOKEN.finditer(text)]
