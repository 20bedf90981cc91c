"""From a text to the terms that lexical search compares: words, Chinese n-grams and codes.

Nothing here needs a dictionary. Width, case and the hyphens of codes are evened out first, so that
"ＳＫＵ－１０４ａ" and "sku 104A" in a question meet "SKU-104A" in an answer.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

MAX_TEXT = 8_192  # characters looked at; nothing that people ask is longer
MAX_TERM = 48  # characters of one term; longer ones are cut, not lost
CODE = "#"  # marks terms that are a code: they match as a whole or not at all
LONG_NUMBER = 4  # digits from which a bare number counts as a code

SHORT = 400  # characters of a text whose terms are remembered
REMEMBERED = 8_192  # texts; about 15 MB

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹣－_/\\"), "-")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_PIECE = re.compile(
    rf"(?P<han>[{_HAN}]+)|(?P<code>[a-z0-9]+(?:[-.:][a-z0-9]+)*)|(?P<word>[^\W_{_HAN}]+)"
)
_SPACED_CODE = re.compile(r"(?<![a-z0-9-])([a-z]{1,4})[ -]+(\d[\da-z-]*)(?![a-z0-9])")
_DIGIT = re.compile(r"\d")
_PARTS = re.compile(r"[-.:]")


def normalise(text: str) -> str:
    """`text` in one width, one case and with one kind of hyphen."""
    return unicodedata.normalize("NFKC", text[:MAX_TEXT]).casefold().translate(_DASHES)


def terms(text: str) -> Sequence[str]:
    """The terms of `text`, with repetitions, in no particular order.

    Those of recent short texts are remembered: an edit puts its neighbours into a segment again.
    """
    return _remembered(text) if len(text) <= SHORT else _terms(text)


def _terms(text: str) -> tuple[str, ...]:
    plain = normalise(text)
    found: list[str] = []
    for piece in _PIECE.finditer(plain):
        words = piece.group()
        if piece.lastgroup == "han":
            found += words
            found += (words[i : i + 2] for i in range(len(words) - 1))
        elif piece.lastgroup == "word":
            found.append(words[:MAX_TERM])
        else:
            found += _latin(words)
    found += _spaced_codes(plain)
    return tuple(found)


_remembered = functools.lru_cache(REMEMBERED)(_terms)


def codes(text: str) -> frozenset[str]:
    """The codes that `text` names: order numbers, SKUs, error codes; each with its mark."""
    return frozenset(term for term in terms(text) if term.startswith(CODE))


def _latin(words: str) -> list[str]:
    """Terms of a run of Latin letters, digits and inner hyphens."""
    parts = _PARTS.split(words)
    found = [part[:MAX_TERM] if _DIGIT.search(part) else stem(part[:MAX_TERM]) for part in parts]
    if _is_code(words):
        found.append(CODE + "".join(parts)[:MAX_TERM])
    return found


def _spaced_codes(plain: str) -> list[str]:
    """Codes that were written with a space: "error e 104", "sku 1234"; as one term."""
    found = []
    for match in _SPACED_CODE.finditer(plain):
        whole = match[1] + _PARTS.sub("", match[2])
        if " " in match[0] and sum(map(str.isdigit, whole)) > 2:
            found.append(CODE + whole[:MAX_TERM])
    return found


def _is_code(words: str) -> bool:
    digits = len(_DIGIT.findall(words))
    if not digits:
        return False
    return digits >= LONG_NUMBER or any(map(str.isalpha, words)) or "-" in words


def stem(word: str) -> str:
    """An English word without the endings that only inflect it (after Harman 1991, S and -ing)."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + instead
    return word


_ENDINGS = (
    ("sses", "ss"), ("ies", "y"), ("ss", "ss"), ("us", "us"), ("ing", ""), ("ed", ""), ("es", "e"),
    ("s", ""),
)  # fmt: skip
